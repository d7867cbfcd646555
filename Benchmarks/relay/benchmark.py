"""What follows from events: the relay beside the brokers' own clients, live feeds, and processes."""

import argparse
import contextlib
import datetime
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from annals import Annals
from brokers import RabbitMQ, Redis, broker
from machine import machine
from watching import schedule, watch

WRITERS = 4


@contextlib.contextmanager
def running(arguments, folder, settings=None):
    annals = Annals(arguments.annals, folder, settings)
    try:
        yield annals
    finally:
        annals.stop()


def position(annals, sink):
    """How far a sink has come, and when that was looked up."""
    with annals.connect("annals_log") as connection:
        row = connection.execute("SELECT position FROM relay.subscribers WHERE name = %s", [f"sink-{sink}"]).fetchone()
    return (row[0] if row else 0), time.perf_counter()


def relay_rate(arguments, folder, kind):
    """Events a second from the first that a broker has to the last of the log."""
    with broker(kind) as server, running(arguments, folder, server.settings) as annals:
        head = annals.value("annals_log", "SELECT max(position) FROM log.events")
        first = reached = (0, 0.0)
        while reached[0] < head:
            reached = position(annals, kind.sink)
            if not first[0]:
                first = reached
            time.sleep(0.005)
        annals.value("annals_log", f"DELETE FROM relay.subscribers WHERE name = 'sink-{kind.sink}' RETURNING 1")
    return (reached[0] - first[0]) / (reached[1] - first[1]) if reached[0] > first[0] else float("nan")


def own_rate(kind, count, size):
    with broker(kind) as server:
        return server.own_rate(count, size)


def measure_relay(arguments, folder, count, size):
    results = {}
    for number in range(arguments.rounds):
        for kind in (Redis, RabbitMQ):
            own = own_rate(kind, count, size)
            relay = relay_rate(arguments, folder, kind)
            results.setdefault(kind, []).append((relay, own))
            print(f"  round {number + 1}: {kind.name}: relay {relay:,.0f}/s, its own client {own:,.0f}/s", file=sys.stderr)
    print("| broker | what | events/s | of its own client |\n| --- | --- | --- | --- |")
    for kind, rounds in results.items():
        ratio = statistics.median(relay / own for relay, own in rounds)
        print(f"| {kind.name} | the relay | {statistics.median(relay for relay, _ in rounds):,.0f} | {ratio:.2f} |")
        print(f"| {kind.name} | {kind.own_client} | {statistics.median(own for _, own in rounds):,.0f} | 1.00 |")


def admin_token(annals):
    promotion = [annals.binary, "users", "promote", annals.emails[0], "--data-dir", str(annals.data)]
    subprocess.run(promotion, check=True, stdout=subprocess.DEVNULL)
    return annals.tokens(1)[0]


def measure_feeds(arguments, annals):
    token, tokens = admin_token(annals), annals.tokens(WRITERS)
    print("\n| watchers | posts/s | events/s × watchers | from answer to watcher, p50 ms | p99 ms |\n| --- | --- | --- | --- | --- |")
    for count in arguments.watchers:
        full = [watch(annals.url, token, tokens, count, arguments.seconds) for _ in range(arguments.rounds)]
        slow = [watch(annals.url, token, tokens, count, arguments.seconds, rate=arguments.rate) for _ in range(arguments.rounds)]
        if any(one["lost"] for one in full + slow):
            print(f"  {count} watchers: some were closed for being slow", file=sys.stderr)
        appended, delivered = (statistics.median(one[key] for one in full) for key in ("appended", "delivered"))
        p50, p99 = (statistics.median(one[key] for one in slow) for key in ("p50", "p99"))
        print(f"| {count:,} | {appended:,.0f} | {delivered:,.0f} | {p50:.1f} | {p99:.1f} |")
    print(f"\nThe times at {arguments.rate} posts a second.")


def measure_processes(arguments, annals):
    """All fall due at one time, so what is measured is how fast the engine works them off."""
    count = arguments.processes
    tokens = annals.tokens(WRITERS)
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=max(5, count // 50))
    schedule(annals.url, tokens, count, due.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    if datetime.datetime.now(datetime.timezone.utc) > due:
        sys.exit("it took too long to schedule the posts")
    since = f"recorded_at >= '{due.isoformat()}'"
    while annals.value("annals_log", f"SELECT count(*) FROM log.events WHERE type = 'PostPublished' AND {since}") < count:
        time.sleep(0.1)
    seconds = annals.value(
        "annals_log",
        f"SELECT extract(epoch FROM max(recorded_at) - '{due.isoformat()}')::float FROM log.events WHERE type = 'PostPublished' AND {since}")
    steps = annals.value("annals_log", f"SELECT count(*) FROM log.events WHERE type <> 'PostPublished' AND {since}")
    print(f"\n{count:,} posts that are due at one time: published after {seconds:.1f} s, {count / seconds:,.0f} a second; their processes record "
          f"{steps / seconds:,.0f} events a second beside that.")


def arguments_of():
    parser = argparse.ArgumentParser(prog="Benchmarks/run relay")
    parser.add_argument("--annals", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few posts, one short round: shows that it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--seconds", type=int, default=5, help="of each run with watchers (5)")
    parser.add_argument("--posts", type=int, default=50_000, help="published posts, two events each (50,000)")
    parser.add_argument("--watchers", type=lambda text: [int(word) for word in text.split(",")], default=[1, 100, 1000, 5000], metavar="N,…")
    parser.add_argument("--rate", type=int, default=50, help="posts a second while times are measured (50)")
    parser.add_argument("--processes", type=int, default=2000, help="posts that are due at one time (2,000)")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.posts, arguments.watchers, arguments.processes = 1, 1, 1000, [1, 20], 50
    return arguments


def main():
    arguments = arguments_of()
    with tempfile.TemporaryDirectory(prefix="annals-relay-") as folder:
        root = pathlib.Path(folder)
        root.chmod(0o711)
        # Each watcher has a socket here and one there.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, max(arguments.watchers) + 500), hard), hard))
        print(f"  filling: {arguments.posts:,} posts", file=sys.stderr)
        with running(arguments, root) as annals:
            annals.fill(arguments.posts, 200 if arguments.posts > 1000 else 20)
            emails = annals.emails
            print(machine(annals, annals.server_settings()))
            count, size = annals.value("annals_log", "SELECT count(*) FROM log.events"), 900
        print(f"- {count:,} events, sealed; the brokers' own clients send as many of {size} bytes; {arguments.rounds} interleaved rounds, medians\n")
        measure_relay(arguments, root, count, size)
        with running(arguments, root) as annals:
            annals.emails = emails
            measure_feeds(arguments, annals)
            measure_processes(arguments, annals)


main()

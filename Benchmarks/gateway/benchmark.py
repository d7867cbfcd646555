"""The gateway beside reverse proxies in front of the same services."""

import argparse
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from annals import Annals
from apart import Apart
from load import closed_loop
from machine import machine
from processes import cpu_seconds
from proxies import NAMES, Proxy

CONNECTIONS = 64
WRITERS = 20
WORKS = {"id": "post by id", "command": "new post"}
SERVICE_OF = {"id": "queries", "command": "commands"}
ALONE, ONE, APART = "service alone", "Annals, one process", "Annals apart"
# Far more than anyone asks for: what is measured is the price of counting.
LIMIT_ON = {"ANNALS_RATE_LIMIT": "1000000/1s", "ANNALS_LOGIN_RATE_LIMIT": "off", "ANNALS_REGISTRATION_RATE_LIMIT": "off"}


class Contenders:
    """All that are measured in one pass, by name: where each listens for a work, and what its door has used of the processors."""

    def __init__(self, arguments, root, stack, is_guarded):
        settings = LIMIT_ON if is_guarded else {}
        self.one = Annals(arguments.annals, root / "one", settings)
        stack.callback(self.one.stop)
        self.apart = Apart(arguments.annals, root / "apart", settings)
        stack.callback(self.apart.stop)
        key_set = None
        if is_guarded:
            with urllib.request.urlopen(f"{self.apart.url}/.well-known/jwks.json") as answer:
                key_set = answer.read().decode()
        self.proxies = {}
        for name in arguments.only:
            folder = root / f"{name}-{'guarded' if is_guarded else 'plain'}"
            self.proxies[name] = Proxy(name, folder, self.apart.ports["queries"], self.apart.ports["commands"], key_set)
            stack.callback(self.proxies[name].stop)
        self.names = [ALONE, ONE, APART, *self.proxies]

    def url(self, name, work):
        if name == ALONE:
            return self.apart.service(SERVICE_OF[work])
        return {ONE: self.one, APART: self.apart, **self.proxies}[name].url

    def system(self, name):
        return self.one if name == ONE else self.apart

    def seconds(self, name):
        """Of the door, and of everything together."""
        if name == ONE:
            own, database = self.one.cpu_seconds()
            return own, own + database
        everything = cpu_seconds(self.apart.process.pid)
        if name == ALONE:
            return 0.0, everything
        if name == APART:
            return self.apart.gateway_seconds(), everything
        door = self.proxies[name].cpu_seconds()
        return door, door + everything

    def settle(self, name):
        self.system(name).settle()


def write_folders(root, contenders):
    """What load.lua reads: ids, and tokens that the system behind a contender takes."""
    for name, system in (("one", contenders.one), ("apart", contenders.apart)):
        folder = root / f"load-{name}"
        folder.mkdir(exist_ok=True)
        with system.connect("annals_read") as connection:
            ids = [str(row[0]) for row in connection.execute("SELECT id FROM posts.post WHERE published LIMIT 20000")]
        (folder / "ids").write_text("".join(f"{id}\n" for id in ids))
        (folder / "tokens").write_text("".join(f"{token}\n" for token in system.tokens(WRITERS)))


def measure(arguments, root, contenders):
    results = {}
    for number in range(arguments.rounds):
        write_folders(root, contenders)
        turn = contenders.names[number % len(contenders.names):] + contenders.names[:number % len(contenders.names)]
        for work in WORKS:
            for name in turn:
                folder = root / ("load-one" if name == ONE else "load-apart")
                before = contenders.seconds(name)
                result = closed_loop(contenders.url(name, work), work, folder, CONNECTIONS, arguments.seconds)
                contenders.settle(name)
                door, everything = (after - start for start, after in zip(before, contenders.seconds(name)))
                thousands = result["requests"] / 1000
                results.setdefault((work, name), []).append(result | {"door": door / thousands, "everything": everything / thousands})
                print(f"  round {number + 1}: {WORKS[work]}: {name}: {result['rate']:,.0f}/s", file=sys.stderr)
    return results


def table(results, names):
    lines = [
        "| work | what | requests/s | of the service alone | of nginx | p50 ms | p99 ms | door s | all s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for work, title in WORKS.items():
        for name in names:
            rounds = results[work, name]
            median = lambda key: statistics.median(one[key] for one in rounds)
            shares = []
            for other in (ALONE, "nginx"):
                beside = results.get((work, other))
                shares.append(f"{statistics.median(a['rate'] / b['rate'] for a, b in zip(rounds, beside)):.2f}" if beside else "")
            times = f"{median('p50'):.2f} | {median('p99'):.2f} | {median('door'):.3f} | {median('everything'):.3f}"
            lines.append(f"| {title} | {name} | {median('rate'):,.0f} | {shares[0]} | {shares[1]} | {times} |")
    return "\n".join(lines)


def arguments_of():
    parser = argparse.ArgumentParser(prog="Benchmarks/run gateway")
    parser.add_argument("--annals", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few posts, one short round: shows that it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=int, default=3, help="of each run (3)")
    parser.add_argument("--posts", type=int, default=20_000, help="published posts (20,000)")
    parser.add_argument("--only", metavar="NAME,…", help=f"proxies: {', '.join(NAMES)}")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.posts = 1, 1, 500
    arguments.only = arguments.only.split(",") if arguments.only else NAMES
    for name in set(arguments.only) - set(NAMES):
        parser.error(f"there is no proxy named {name}")
    return arguments


def fill(arguments, root):
    """Two systems with the same posts: one is filled by its own calls, the other is its copy."""
    print(f"  filling: {arguments.posts:,} posts", file=sys.stderr)
    annals = Annals(arguments.annals, root / "one")
    annals.fill(arguments.posts, 200 if arguments.posts > 1000 else 20)
    print(machine(annals, annals.server_settings()))
    annals.stop()
    subprocess.run(["cp", "-a", root / "one", root / "apart"], check=True)
    return annals.emails


def main():
    arguments = arguments_of()
    with tempfile.TemporaryDirectory(prefix="annals-gateway-") as folder:
        os.chmod(folder, 0o711)
        root = pathlib.Path(folder)
        emails = fill(arguments, root)
        for is_guarded in (False, True):
            with contextlib.ExitStack() as stack:
                contenders = Contenders(arguments, root, stack, is_guarded)
                contenders.one.emails = contenders.apart.emails = emails
                results = measure(arguments, root, contenders)
                print("\nWith rate limit, retries and token check, as far as each has them:\n" if is_guarded else "\nPlain:\n")
                print(table(results, contenders.names))


random.seed(42)
main()

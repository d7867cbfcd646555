"""The HTTP API under load: Annals, and in the same rounds servers that its peers' users would write, on the same posts."""

import argparse
import asyncio
import contextlib
import os
import pathlib
import random
import statistics
import sys
import tempfile

import answers
import peers
import rest
from annals import Annals
from client import Client
from cluster import cluster
from load import closed_loop, offered
from machine import machine
from sampling import sample
from tables import goals, main_table, median, offered_table, other_loads_table
from works import MAIN_LOAD, OTHER_LOADS, WORKS

PEERS = ["Go", "Rust", "Python", "Swift"]
WRITERS = 20


def write_folders(root, contenders, posts):
    """What load.lua reads, in a folder for each contender."""
    (root / "ids").write_text("".join(f"{id}\n" for id, _ in posts))
    few = [id for id, _ in random.sample(posts, min(1000, len(posts)))]
    (root / "few").write_text("".join(f"{id}\n" for id in few))
    (root / "slugs").write_text("".join(f"{slug}\n" for _, slug in posts))
    for name, contender in contenders.items():
        folder = root / name
        folder.mkdir()
        for shared in ("ids", "few", "slugs", "tokens"):
            (folder / shared).symlink_to(root / shared)
        ids = [id for id, _ in random.sample(posts, min(1000, len(posts)))]
        (folder / "tags").write_text("\n".join(asyncio.run(answers.entity_tags(Client(contender.url), ids))) + "\n")


def write_tokens(root, annals):
    (root / "tokens").write_text("".join(f"{token}\n" for token in annals.tokens(WRITERS)))


def measured(contender, work, folder, connections, seconds):
    """One run, with the time that server and database spent on it, to the last thing it has caused."""
    before = contender.cpu_seconds()
    result = closed_loop(contender.url, work.key, folder, connections, seconds)
    if work.writes:
        contender.settle()
    server, database = (after - start for start, after in zip(before, contender.cpu_seconds()))
    return result | {"server": server / result["requests"] * 1000, "database": database / result["requests"] * 1000}


def measure(root, server, annals, contenders, works, rounds, seconds):
    """By work, connections and contender, the results of all rounds."""
    results = {}
    for name, contender in contenders.items():
        closed_loop(contender.url, "id", root / name, MAIN_LOAD, 1)
    for number in range(rounds):
        write_tokens(root, annals)
        server.execute("postgres", "CHECKPOINT")
        annals.checkpoint()
        # Each round begins with another, so that nobody always follows the same one.
        turn = list(contenders.items())[number % len(contenders):] + list(contenders.items())[:number % len(contenders)]
        for work in works:
            for connections in [MAIN_LOAD] + (OTHER_LOADS if work.at_all_loads else []):
                for name, contender in turn:
                    result = measured(contender, work, root / name, connections, seconds)
                    results.setdefault((work.key, connections, name), []).append(result)
                    print(f"  round {number + 1}: {work.title}, {connections} connections: {name}: {result['rate']:,.0f}/s", file=sys.stderr)
    return results


def measure_offered(root, contenders, posts, results, rounds, seconds):
    """Latency at half of what Annals can do: the same load for all."""
    paths = [f"/api/v1/posts/{id}" for id, _ in random.sample(posts, min(2000, len(posts)))]
    loads = {"id": (paths, ["DNT: 1"]), "counted": (paths, []), "list": (["/api/v1/posts"], [])}
    found = {}
    for key, (paths, headers) in loads.items():
        if (key, MAIN_LOAD, "Annals") not in results:
            continue
        rate = median(results[key, MAIN_LOAD, "Annals"], "rate") / 2
        for _ in range(rounds):
            for name, contender in contenders.items():
                found.setdefault((key, rate, name), []).append(offered(contender.url, paths, headers, rate, MAIN_LOAD, seconds, root / name))
                contender.settle()
    return found


def compare_with_and_without_metrics(arguments, root, stack):
    """The share of reads that the recording of metrics costs: two systems, of which one records none, in interleaved rounds."""
    ports = {"with metrics": "0", "without": "off"}
    contenders = {}
    for name, port in ports.items():
        folder = root / name
        folder.mkdir(mode=0o711)
        annals = contenders[name] = Annals(arguments.annals, folder, {"ANNALS_METRICS_PORT": port})
        stack.callback(annals.stop)
        annals.fill(arguments.posts, arguments.authors)
        with annals.connect("annals_read") as connection:
            ids = [str(id) for (id,) in connection.execute("SELECT id FROM posts.post WHERE published")]
        (folder / "ids").write_text("".join(f"{id}\n" for id in ids))
        (folder / "few").write_text("".join(f"{id}\n" for id in random.sample(ids, min(1000, len(ids)))))
    works = [work for work in WORKS if work.key in ("health", "id", "few", "list")]
    print("| work | with metrics, requests/s | without | with/without |\n| --- | --- | --- | --- |")
    for work in works:
        rates = []
        for number in range(arguments.rounds):
            turn = list(contenders) if number % 2 else list(reversed(contenders))
            round = {name: closed_loop(contenders[name].url, work.key, root / name, MAIN_LOAD, arguments.seconds)["rate"] for name in turn}
            rates.append([round[name] for name in ports] + [round["with metrics"] / round["without"]])
        with_metrics, without, ratio = (statistics.median(column) for column in zip(*rates))
        print(f"| {work.title} | {with_metrics:,.0f} | {without:,.0f} | {ratio:.3f} |")


def arguments_of():
    parser = argparse.ArgumentParser(prog="Benchmarks/run http")
    parser.add_argument("--annals", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="few posts, one short round: shows that it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (3)")
    parser.add_argument("--seconds", type=int, default=2, help="of each run (2)")
    parser.add_argument("--posts", type=int, default=200_000, help="published posts (200,000)")
    parser.add_argument("--authors", type=int, default=2_000, help="their authors (2,000)")
    parser.add_argument("--only", metavar="NAME,…", help=f"contenders beside Annals: {', '.join(PEERS)}")
    parser.add_argument("--works", metavar="WORK,…", help=f"works: {', '.join(work.key for work in WORKS)}")
    parser.add_argument("--no-cache", action="store_true", help="Annals keeps no answers: every read asks its tables")
    parser.add_argument("--overhead", action="store_true", help="compare Annals with and without metrics and measure nothing else")
    parser.add_argument("--profile", metavar="WORK", nargs="?", const="id", help="sample Annals under one work (id) and measure nothing else")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.seconds, arguments.posts, arguments.authors = 1, 1, 2_000, 20
    keys = [work.key for work in WORKS]
    chosen = arguments.works.split(",") if arguments.works else keys
    arguments.only = [] if arguments.profile else arguments.only.split(",") if arguments.only else PEERS
    for name in set(chosen + [arguments.profile or "id"]) - set(keys) | set(arguments.only) - set(PEERS):
        parser.error(f"there is neither a work nor a peer named {name}")
    arguments.works = [work for work in WORKS if work.key in chosen]
    return arguments


def run(arguments, root, stack):
    if arguments.overhead:
        return compare_with_and_without_metrics(arguments, root, stack)
    annals = Annals(arguments.annals, root, {"ANNALS_KEPT_ANSWERS": "off"} if arguments.no_cache else None)
    stack.callback(lambda: annals.stop())
    # The peers' server gets the same. Four peers need more connections than one.
    settings = {"listen_addresses": "''", "max_connections": "300"} | annals.server_settings()
    print(f"  filling: {arguments.posts:,} posts of {arguments.authors:,} authors", file=sys.stderr)
    annals.fill(arguments.posts, arguments.authors)
    with annals.connect("annals_read") as connection:
        posts = [(str(id), slug) for id, slug in connection.execute("SELECT id, slug FROM posts.post WHERE published")]
        author = str(connection.execute("SELECT id FROM users.account LIMIT 1").fetchone()[0])
    server = stack.enter_context(cluster(settings))
    print(machine(server, settings))
    print(f"- {len(posts):,} posts of {arguments.authors:,} authors")
    contenders = {"Annals": annals}
    if arguments.only:
        peers.copy_tables(annals, server, "peers")
    for name in arguments.only:
        contenders[name] = peers.Peer(name, server, "peers", author)
        stack.callback(contenders[name].stop)
    write_tokens(root, annals)
    write_folders(root, contenders, posts)
    if arguments.profile:
        print(sample(annals, arguments.profile, root / "Annals", MAIN_LOAD, 3 if arguments.quick else 10))
        return
    print(f"- {answers.check(contenders, random.sample(posts, 50), annals.tokens(1)[0])}")
    print(f"- {arguments.rounds} interleaved rounds of {arguments.seconds} s, medians\n")
    results = measure(root, server, annals, contenders, arguments.works, arguments.rounds, arguments.seconds)
    resident = ", ".join(f"{name} {contender.resident_megabytes():.0f} MB" for name, contender in contenders.items())
    offers = measure_offered(root, contenders, posts, results, arguments.rounds, arguments.seconds + 1)
    print(main_table(results, contenders, arguments.works) + "\n")
    print(other_loads_table(results, contenders, arguments.works) + "\n")
    print(offered_table(offers) + "\n")
    print(goals(results, arguments.works))
    print(f"- resident after that: {resident}")
    print(f"- {rest.starting(annals)}")
    print(f"- {rest.holding(annals, 1_000 if arguments.quick else 10_000)}")


def main():
    arguments = arguments_of()
    with tempfile.TemporaryDirectory(prefix="annals-http-") as folder, contextlib.ExitStack() as stack:
        # The private PostgreSQL has to pass when it runs as another user.
        os.chmod(folder, 0o711)
        run(arguments, pathlib.Path(folder), stack)


main()

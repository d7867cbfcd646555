"""Folds one log into read tables: live, by rebuilding, by hand-written SQL, and by the projection runner of PyPI's `eventsourcing`, all in the same rounds."""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from cluster import cluster
from machine import machine

LIMIT = "limit: hand-written SQL, sets of 10,000, one database"
LIMIT_REBUILD = "the same, indexes made last"
ONE_SET = "the same, indexes made last, all events in one set"
PYTHON = "Python eventsourcing, projection runner"
TABLES = {"posts": ["post", "author_count", "published_count"], "view_counts": ["total", "hourly"]}


class Annals:
    """Projectors and maintenance as the program runs them, on a log that is filled once."""

    def __init__(self, server, generator, annals):
        self.server = server
        self.generator = generator
        self.migrations = annals / "migrations"
        self.projections = annals / "projections"

    def fill(self, count):
        for database in ("log", "vault", "plain", "read_model"):
            self.server.create(database)
        self.call("prepare", "--migrations", str(self.migrations))
        self.server.execute("plain", open("limit_tables.sql").read())
        self.call("fill", "--plain", self.server.url("plain"), "--count", str(count))
        subprocess.run(
            [self.generator, "prepare-read", "--read", self.server.url("read_model"), "--migrations", str(self.migrations)], check=True)
        for database in ("log", "plain"):
            self.server.execute(database, "VACUUM ANALYZE")

    def run(self, command, folder, *options):
        self.server.execute("postgres", "CHECKPOINT")
        return json.loads(self.call(command, "--read", self.server.url("read"), "--projections", str(folder), *options))

    def call(self, command, *options):
        arguments = [self.generator, command, "--log", self.server.url("log"), "--vault", self.server.url("vault"), *options]
        return subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout

    def definitions(self, model, file):
        return (self.projections / model / file).read_text()


def fold_by_hand(server, annals, indexes_last, stretch=10_000):
    """All tables of posts and view counts, made anew in the plain database, so many events at a time."""
    server.execute("plain", f"DROP TABLE IF EXISTS {', '.join(table for tables in TABLES.values() for table in tables)}")
    for model in TABLES:
        server.execute("plain", annals.definitions(model, "table.sql"))
    indexes = "".join(annals.definitions(model, "indexes.sql") for model in TABLES)
    if not indexes_last:
        server.execute("plain", indexes)
    server.execute("postgres", "CHECKPOINT")
    events = server.value("plain", "SELECT count(*) FROM events")
    start = time.perf_counter()
    server.execute("plain", f"CALL fold_all({stretch})")
    if indexes_last:
        server.execute("plain", indexes)
    return {"rate": events / (time.perf_counter() - start)}


def fold_with_python(server, annals, count):
    server.execute("postgres", "DROP DATABASE IF EXISTS pyes")
    server.create("pyes")
    for model in TABLES:
        server.execute("pyes", annals.definitions(model, "table.sql") + annals.definitions(model, "indexes.sql"))
    command = [sys.executable, "python_projection.py", "--host", server.folder, "--database", "pyes", "--plain", "plain", "--count", str(count)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def digests(server, name):
    """What the rows of each table come to, where this contender has made them."""
    by_hand = name in (LIMIT, LIMIT_REBUILD, ONE_SET)
    digest = "SELECT md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {} AS t"
    return {
        f"{model}.{table}": server.value("plain" if by_hand else "read", digest.format(table if by_hand else f"{model}.{table}"))
        for model, tables in TABLES.items() for table in tables}


def check_equal(made):
    """A rate counts for nothing unless all have made the same rows."""
    for name, rows in made.items():
        for table, digest in rows.items():
            if digest != made[LIMIT][table]:
                sys.exit(f"{name}: {table} is not what the hand-written SQL makes it")


def measure(server, annals, rounds, count, python_count):
    live = pathlib.Path(tempfile.mkdtemp(prefix="annals-models-"))
    for model in TABLES:
        shutil.copytree(annals.projections / model, live / model)
    contenders = {
        "Annals, live: posts and view counts": lambda: live_then_users(annals, live),
        "Annals, rebuild of all read models, 1 worker": lambda: annals.run("rebuild", annals.projections, "--workers", "1"),
        "Annals, rebuild of all read models, 2 workers": lambda: annals.run("rebuild", annals.projections, "--workers", "2"),
        LIMIT: lambda: fold_by_hand(server, annals, indexes_last=False),
        LIMIT_REBUILD: lambda: fold_by_hand(server, annals, indexes_last=True),
        ONE_SET: lambda: fold_by_hand(server, annals, indexes_last=True, stretch=count),
        PYTHON: lambda: fold_with_python(server, annals, python_count),
    }
    results = {}
    for number in range(rounds):
        server.execute("postgres", "DROP DATABASE IF EXISTS read")
        server.create("read", template="read_model")
        grant(server)
        made = {}
        for name, run in contenders.items():
            results.setdefault(name, []).append(run())
            # At once, before the next one makes them anew. Python folds a part of the log only.
            if name != PYTHON:
                made[name] = digests(server, name)
            print(f"  round {number + 1}: {name}: {results[name][-1]['rate']:,.0f}/s", file=sys.stderr)
        check_equal(made)
    shutil.rmtree(live)
    return results


def live_then_users(annals, folder):
    """The live rate of a folder. The other read models are made afterwards, for only what is live is rebuilt."""
    result = annals.run("project", folder)
    annals.run("project", annals.projections)
    return result


def grant(server):
    """A copied database has the rights on its schemas, but not those on itself."""
    server.execute("read", "GRANT CONNECT, CREATE ON DATABASE read TO annals_projector; GRANT CONNECT ON DATABASE read TO annals_queries")


def table(results):
    """Ratios are medians of the ratios of each round."""
    lines = ["| what | events/s | of the limit |", "| --- | --- | --- |"]
    for name, rounds in results.items():
        rate = statistics.median(result["rate"] for result in rounds)
        ratio = statistics.median(mine["rate"] / best["rate"] for mine, best in zip(rounds, results[LIMIT]))
        lines.append(f"| {name} | {rate:,.0f} | {ratio:.2f} |")
    lines.append("")
    for name, rounds in results.items():
        if name.startswith("Annals"):
            ratio = statistics.median(mine["rate"] / python["rate"] for mine, python in zip(rounds, results[PYTHON]))
            lines.append(f"- {name}: {ratio:.0f} × {PYTHON}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run projection")
    parser.add_argument("--generator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--migrations", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--count", type=int, default=1_000_000, help="events (1,000,000)")
    arguments = parser.parse_args()
    rounds, count, python_count = (1, 20_000, 1_000) if arguments.quick else (arguments.rounds, arguments.count, arguments.count // 50)
    with cluster() as server:
        annals = Annals(server, arguments.generator, pathlib.Path(arguments.migrations).parent.resolve())
        print(machine(server))
        annals.fill(count)
        sizes = " and ".join(f"{server.value(name, sql):.0f} bytes of data {form}" for name, form, sql in (
            ("log", "sealed", "SELECT avg(length(data::text)) FROM log.events"), ("plain", "opened", "SELECT avg(length(data::text)) FROM events")))
        print(f"- {count:,} events: 10 % drafted, 5 % published, 5 % edited, 80 % viewed; on average {sizes}; Python: the first {python_count:,}")
        print(f"- {rounds} interleaved rounds, medians\n")
        print(table(measure(server, annals, rounds, count, python_count)))
        seconds = "2" if arguments.quick else "20"
        visible = [annals.run("visible", annals.projections, "--seconds", seconds) for _ in range(rounds)]
        rate, p50, p99 = (statistics.median(run[key] for run in visible) for key in ("rate", "p50", "p99"))
        print(f"- from an append's answer to its effect in all read models, {rate:,.0f} appends/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")


main()

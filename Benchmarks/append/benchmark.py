"""Appends one event at a time from 1, 8, 64 and 256 clients: Annals, and in the same rounds its peers and the limit of the server."""

import argparse
import json
import statistics
import subprocess
import sys

import growth
from cluster import cluster
from machine import machine

CLIENTS = [1, 8, 64, 256]


class Annals:
    """The log as the command service runs it."""

    def __init__(self, server, generator, migrations):
        self.server = server
        self.generator = generator
        self.migrations = migrations

    def prepare(self, log, vault):
        self.server.create(log)
        self.server.create(vault)
        self.call("prepare", log, vault, "--migrations", self.migrations)

    def append(self, log, vault, clients, count, *options):
        return json.loads(self.call("append", log, vault, "--clients", str(clients), "--count", str(count), *options))

    def call(self, command, log, vault, *options):
        arguments = [self.generator, command, "--log", self.server.url(log), "--vault", self.server.url(vault), *options]
        return subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout


def contenders(server, annals, seconds, stored):
    """What is measured, by name: a function from a number of clients to its figures."""
    data, metadata = stored

    def appending(*options):
        def measure(clients):
            trial = annals.append("log", "vault", clients, 200 if clients == 1 else 4_000, *options)
            return annals.append("log", "vault", clients, int(trial["rate"] * seconds), *options)

        return measure

    def pgbench(script, clients, rows):
        server.execute("plain", "TRUNCATE events")
        rate, latency = server.pgbench("plain", script, clients, seconds, data_bytes=data, metadata_bytes=metadata)
        return {"rate": rate * rows, "mean": latency, "batch": rows}

    def clients_in_python(script, clients, *options):
        command = [sys.executable, script, "--clients", str(clients), "--seconds", str(seconds), "--bytes", str(data + metadata), *options]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def eventsourcing(*options):
        def measure(clients):
            server.execute("pyes", "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            return clients_in_python("python_eventsourcing.py", clients, "--host", server.folder, "--database", "pyes", *options)

        return measure

    return {
        "Annals": appending(),
        "Annals, idempotency keys": appending("--keyed"),
        "Annals, no value taken": appending("--without-slug"),
        "limit: pgbench, 200 rows a transaction, 1 connection": lambda clients: pgbench("multi_row.sql", 1, 200),
        "pgbench, 1 row a transaction": lambda clients: pgbench("single_row.sql", clients, 1),
        "Python eventsourcing": eventsourcing(),
        "Python eventsourcing, database functions": eventsourcing("--functions"),
        "UmaDB, its Python client": lambda clients: clients_in_python("umadb_client.py", clients),
    }


def measure(server, annals, rounds, seconds):
    annals.prepare("log", "vault")
    server.create("plain")
    server.execute("plain", open("plain_table.sql").read())
    server.create("pyes")
    annals.append("log", "vault", 64, 2_000)
    stored = tuple(
        int(server.value("log", f"SELECT avg(length({column}::text)) FROM log.events WHERE type = 'PostDrafted'")) for column in ("data", "metadata"))
    results = {}
    for clients in CLIENTS:
        for number in range(rounds):
            for name, run in contenders(server, annals, seconds, stored).items():
                results.setdefault((name, clients), []).append(run(clients))
                print(f"  {clients} clients, round {number + 1}: {name}: {results[name, clients][-1]['rate']:,.0f}/s", file=sys.stderr)
    return stored, results


def median(results, key):
    figures = [result[key] for result in results if result.get(key) is not None]
    return statistics.median(figures) if figures else None


def table(results):
    """One row a contender and number of clients; ratios are medians of the ratios of each round."""
    limit = "limit: pgbench, 200 rows a transaction, 1 connection"
    lines = ["| clients | what | events/s | of the limit | p50 ms | p99 ms | mean ms | events a batch |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    show = lambda value, form: "" if value is None else format(value, form)
    for (name, clients), rounds in sorted(results.items(), key=lambda item: item[0][1]):
        ratio = statistics.median(mine["rate"] / best["rate"] for mine, best in zip(rounds, results[limit, clients]))
        figures = [show(median(rounds, key), form) for key, form in (("p50", ".2f"), ("p99", ".2f"), ("mean", ".2f"), ("batch", ".1f"))]
        lines.append(f"| {clients} | {name} | {median(rounds, 'rate'):,.0f} | {ratio:.2f} | " + " | ".join(figures) + " |")
    best = max(median(rounds, "rate") for (name, _), rounds in results.items() if name.startswith("Python"))
    for clients in CLIENTS:
        lines.append("") if clients == CLIENTS[0] else None
        lines.append(f"- {clients} clients: {median(results['Annals', clients], 'rate') / best:.1f} × the best of Python eventsourcing ({best:,.0f}/s)")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run append")
    parser.add_argument("--generator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--migrations", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    parser.add_argument("--growth", action="store_true", help="also at 100 thousand and 10 million events (15 minutes, 20 GB)")
    parser.add_argument("--only-growth", action="store_true", help="nothing but that")
    arguments = parser.parse_args()
    rounds, seconds = (1, 1) if arguments.quick else (5, 2)
    with cluster() as server:
        annals = Annals(server, arguments.generator, arguments.migrations)
        print(machine(server))
        if not arguments.only_growth:
            (data, metadata), results = measure(server, annals, rounds, seconds)
            print(f"- an event: {data} bytes of data and {metadata} of metadata as JSON text; {rounds} interleaved rounds of {seconds} s, medians\n")
            print(table(results))
            wake = json.loads(annals.call("wake", "log", "vault", "--count", "200" if arguments.quick else "2000"))
            print(f"- from an append's answer to its event at a reader in another process: p50 {wake['p50']:.2f} ms, p99 {wake['p99']:.2f} ms")
        if arguments.growth or arguments.only_growth:
            print("\n" + growth.table(server, annals, rounds, quick=arguments.quick))


main()

"""A whole system with a long log on the disk: what an event takes, and how long it takes to rebuild, verify, back up and restore."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psycopg
from cluster import Databases
from machine import machine

# The load generator's, which seals the history.
KEY = "5a" * 32

# A receipt for each event and a slug for each post, as appends leave them.
RECEIPTS = """
INSERT INTO log.commands (id, digest, stream, version, first_position, last_position, recorded_at)
SELECT (metadata ->> 'command')::uuid, CASE WHEN type = 'PostViewed' THEN '' ELSE sha256(id::text::bytea) END, stream, version, position, position, now()
FROM log.events WHERE position > {head} ORDER BY position
"""
CLAIMS = """
INSERT INTO log.claims (kind, hash, stream)
SELECT 'slug', sha256(stream::bytea), stream FROM log.events WHERE position > {head} AND type = 'PostDrafted' ORDER BY position
"""

# What is measured in each database, by name: relations and what they are divided by.
SIZES = {
    "annals_log": {
        "events: rows": "pg_table_size('log.events')", "events: indexes": "pg_indexes_size('log.events')",
        "receipts": "pg_total_relation_size('log.commands')", "claims": "pg_total_relation_size('log.claims')",
        "Merkle tree": "pg_total_relation_size('log.merkle_tiles')", "checkpoints of it": "pg_total_relation_size('log.merkle_checkpoints')",
    },
    "annals_read": {
        f"read model {model}": f"(SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c WHERE relnamespace = '{model}'::regnamespace AND relkind = 'r')"
        for model in ("posts", "view_counts", "trending", "users")
    },
}


class System(Databases):
    """`annals up` with a PostgreSQL of its own."""

    def __init__(self, annals, folder):
        self.annals = annals
        self.process = None
        self.data = f"{folder}/data"
        self.folder = folder
        self.environment = {**os.environ, "ANNALS_MASTER_KEY": KEY, "ANNALS_ROOT": str(pathlib.Path(__file__).resolve().parents[2])}
        self.log = open(f"{folder}/log", "a")

    def start(self):
        arguments = [self.annals, "up", "--port", "0", "--data-dir", self.data]
        self.process = subprocess.Popen(arguments, env=self.environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        if not self.process.stdout.readline():
            sys.exit(f"annals up did not start; {self.folder}/log says why")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()

    def connect(self, database="postgres"):
        return psycopg.connect(host=f"{self.data}/postgres/socket", user="postgres", dbname=database, autocommit=True)

    def url(self, database):
        return f"postgres://postgres@{self.data.replace('/', '%2F')}%2Fpostgres%2Fsocket/{database}"

    def command(self, *arguments, data=None):
        """Seconds that a command takes."""
        start = time.perf_counter()
        done = subprocess.run([self.annals, *arguments, "--data-dir", data or self.data], env=self.environment, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"annals {' '.join(arguments)} ended with {done.returncode}: {done.stdout}")
        print(done.stdout, end="", file=sys.stderr)
        return time.perf_counter() - start


def is_current(system, head):
    """Whether all read models and the tree have come to the log's end."""
    folded = system.value("annals_read", "SELECT min(position) FROM annals.checkpoints")
    return folded >= head and system.value("annals_log", "SELECT size FROM log.merkle_head") >= head


def bytes_of(folder):
    return sum(os.lstat(f"{path}/{name}").st_blocks * 512 for path, _, names in os.walk(folder) for name in names)


def spent(seconds):
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run growth")
    parser.add_argument("--annals", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--generator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a short log: shows that it runs")
    parser.add_argument("--count", type=int, default=10_000_000, help="events (10,000,000)")
    parser.add_argument("--folder", default=tempfile.gettempdir(), help="where the system's folder is made; it takes some GB a million events")
    arguments = parser.parse_args()
    count = 20_000 if arguments.quick else arguments.count
    folder = tempfile.mkdtemp(prefix="annals-growth-", dir=arguments.folder)
    os.chmod(folder, 0o755)
    system = System(arguments.annals, folder)
    try:
        measure(system, arguments.generator, count)
    finally:
        if system.process and system.process.poll() is None:
            system.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(system, generator, count):
    rates = []

    def timed(what, seconds):
        rates.append((what, seconds))
        print(f"  {what}: {spent(seconds)}", file=sys.stderr)

    system.start()
    settings = ("shared_buffers", "max_wal_size", "fsync", "synchronous_commit", "full_page_writes")
    print(machine(system, {name: system.value("postgres", f"SHOW {name}") for name in settings}))
    databases = ["--log", system.url("annals_log"), "--vault", system.url("annals_vault")]
    subprocess.run([generator, "prepare", *databases, "--migrations", system.environment["ANNALS_ROOT"] + "/migrations"], check=True)
    head = system.value("annals_log", "SELECT max(position) FROM log.events")
    start = time.perf_counter()
    subprocess.run([generator, "fill", *databases, "--count", str(count)], check=True)
    system.execute("annals_log", RECEIPTS.format(head=head))
    system.execute("annals_log", CLAIMS.format(head=head))
    # A command of anybody's wakes the rest.
    subprocess.run([generator, "append", *databases, "--clients", "1", "--count", "1"], check=True, stdout=subprocess.DEVNULL)
    last = system.value("annals_log", "SELECT max(position) FROM log.events")
    while not is_current(system, last):
        time.sleep(0.2)
    timed("the log is filled, and read models and the tree follow it meanwhile", time.perf_counter() - start)
    for database in SIZES:
        system.execute(database, "VACUUM ANALYZE")
    timed("rebuild of all read models", system.command("projections", "rebuild", "--all"))
    sizes = [(name, int(system.value(database, f"SELECT {sql}"))) for database in SIZES for name, sql in SIZES[database].items()]
    posts = system.value("annals_read", "SELECT count(*) FROM posts.post")
    timed("`annals projections verify --all`", system.command("projections", "verify", "--all"))
    timed("`annals audit verify`", system.command("audit", "verify"))
    backups, keys = f"{system.folder}/backups", f"{system.folder}/keys"
    timed("`annals backup`", system.command("backup", "--folder", backups))
    backup = bytes_of(backups)
    system.stop()
    whole = bytes_of(system.data)
    timed("a start, until it is ready", start_again(system))
    system.stop()
    os.mkdir(keys, 0o700)
    for name in os.listdir(f"{system.data}/keys"):
        if name.startswith("audit.key"):
            shutil.copy2(f"{system.data}/keys/{name}", keys)
    restored = f"{system.folder}/restored"
    timed("`annals restore`, with its proofs", system.command("restore", "--folder", backups, "--keys", keys, data=restored))

    print(f"- {last:,} events: 10 % drafted, 5 % published, 5 % edited, 80 % viewed; {posts:,} posts; a receipt for each event, a slug for each post")
    print("\n| what | MB | bytes an event |\n| --- | --- | --- |")
    for name, size in sizes:
        print(f"| {name} | {size / 1e6:,.0f} | {size / last:,.1f} |")
    print(f"| the data folder, with WAL | {whole / 1e6:,.0f} | {whole / last:,.0f} |")
    print(f"| the backup | {backup / 1e6:,.0f} | {backup / last:,.0f} |")
    print("\n| what | time | events/s |\n| --- | --- | --- |")
    for what, seconds in rates:
        print(f"| {what} | {spent(seconds)} | {last / seconds:,.0f} |")


def start_again(system):
    start = time.perf_counter()
    system.start()
    return time.perf_counter() - start


main()

"""Exports, follows and verifies one log: Annals, and in the same rounds COPY of the same rows, which is what the server can give."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from cluster import cluster
from machine import machine

# Copies of posts that were appended, each in a stream of its own, put in at one go: appending them one by one would be most of the benchmark.
FILL = """
ALTER TABLE log.events DROP CONSTRAINT events_position, DROP CONSTRAINT events_stream_version;
DROP INDEX log.events_by_type;
CREATE FUNCTION pg_temp.v7(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1700000000000 + number), 12, '0') || '7' || substr(md5(number::text), 1, 3) || '8' || substr(md5(number::text), 4, 15))::uuid
$$;
INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
SELECT head + n, 'post-' || pg_temp.v7(n), 1, pg_temp.v7(n), 'PostDrafted', 1, data, metadata, last
FROM (SELECT max(position) AS head, max(recorded_at) AS last FROM log.events) AS old,
    (SELECT row_number() OVER (ORDER BY position) AS number, data, metadata FROM log.events WHERE type = 'PostDrafted' LIMIT 1000) AS sample,
    generate_series(1, {count}) n
WHERE sample.number = 1 + n % 1000;
ALTER TABLE log.events ADD CONSTRAINT events_position PRIMARY KEY (position), ADD CONSTRAINT events_stream_version UNIQUE (stream, version);
CREATE INDEX events_by_type ON log.events (type, position);
"""

EMPTY_TREE = """
ALTER TABLE log.merkle_checkpoints DISABLE TRIGGER ALL;
TRUNCATE log.merkle_tiles, log.merkle_checkpoints;
UPDATE log.merkle_head SET size = 0, lease_holder = NULL, lease_expires_at = NULL;
ALTER TABLE log.merkle_checkpoints ENABLE ALWAYS TRIGGER checkpoints_are_append_only;
"""

COPY_TEXT = "COPY … TO STDOUT, text: the limit"


def generate(server, generator, command, *options, stdout=subprocess.PIPE, stderr=None):
    arguments = [generator, command, "--log", server.url("log"), "--vault", server.url("vault"), *options]
    return subprocess.run(arguments, check=True, stdout=stdout, stderr=stderr, text=True)


def contenders(server, generator, count, folder):
    """What is measured, by name: a function to events a second."""

    def copying(statement):
        def measure():
            start = time.perf_counter()
            subprocess.run(
                [f"{server.binaries}/psql", "-X", "-q", "-h", server.folder, "-U", "postgres", "-d", "log", "-c", statement],
                check=True, stdout=subprocess.DEVNULL)
            return count / (time.perf_counter() - start)

        return measure

    def exporting(*options):
        return lambda: json.loads(generate(server, generator, "export", *options, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr)["rate"]

    def following():
        server.execute("log", EMPTY_TREE)
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        return json.loads(generate(server, generator, "follow", "--key", f"{folder}/key").stdout)["rate"]

    def verifying():
        return json.loads(generate(server, generator, "verify", "--key", f"{folder}/key").stdout)["rate"]

    return {
        COPY_TEXT: copying("COPY log.events TO STDOUT"),
        "COPY … TO STDOUT, binary": copying("COPY log.events TO STDOUT (FORMAT binary)"),
        "export, sealed NDJSON": exporting(),
        "follower: tree and checkpoints": following,
        "verify: leaves, tiles, checkpoints": verifying,
    }


def main():
    parser = argparse.ArgumentParser(prog="Benchmarks/run audit")
    parser.add_argument("--generator", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--migrations", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    arguments = parser.parse_args()
    rounds, count = (1, 20_000) if arguments.quick else (5, 500_000)
    with cluster() as server, tempfile.TemporaryDirectory(prefix="annals-benchmark-key-") as folder:
        generator = arguments.generator
        print(machine(server))
        server.create("log")
        server.create("vault")
        generate(server, generator, "prepare", "--migrations", arguments.migrations)
        generate(server, generator, "append", "--clients", "64", "--count", "2000")
        print(f"  filling a log of {count:,} events", file=sys.stderr)
        server.execute("log", "SET maintenance_work_mem = '1GB';" + FILL.format(count=count))
        server.execute("log", "VACUUM ANALYZE")
        server.execute("postgres", "CHECKPOINT")
        count = int(server.value("log", "SELECT count(*) FROM log.events"))
        data, metadata = (int(server.value("log", f"SELECT avg(length({column}::text)) FROM log.events")) for column in ("data", "metadata"))
        # Into memory.
        server.execute("log", "SELECT sum(length(data::text)) FROM log.events")
        results = {}
        for number in range(rounds):
            for name, run in contenders(server, generator, count, folder).items():
                results.setdefault(name, []).append(run())
                print(f"  round {number + 1}: {name}: {results[name][-1]:,.0f}/s", file=sys.stderr)
        print(f"- {count:,} events, each {data} bytes of data and {metadata} of metadata as JSON text; {rounds} interleaved rounds, medians\n")
        print("| what | events/s | of the limit |\n| --- | --- | --- |")
        for name, rates in results.items():
            ratio = statistics.median(mine / limit for mine, limit in zip(rates, results[COPY_TEXT]))
            print(f"| {name} | {statistics.median(rates):,.0f} | {ratio:.2f} |")
        # At last, for this makes the log longer.
        seconds = "2" if arguments.quick else "20"
        covered = [json.loads(generate(server, generator, "covered", "--key", f"{folder}/key", "--seconds", seconds).stdout) for _ in range(rounds)]
        rate, p50, p99, longest = (statistics.median(run[key] for run in covered) for key in ("rate", "p50", "p99", "longest"))
        print(f"\n- 64 clients append as fast as they can, {rate:,.0f}/s: from an answer to a signed checkpoint that covers it, "
              f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {longest:.0f} ms")


main()

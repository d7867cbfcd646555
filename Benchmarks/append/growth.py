"""The same appends to a log of 100 thousand events and to one of 10 million."""

import statistics
import sys

CLIENTS = [64, 256]

# As appends leave it: time-ordered ids, a value taken and a receipt kept for every event. Keys are made after the rows, which takes minutes instead of an hour.
FILL = """
ALTER TABLE log.events DROP CONSTRAINT events_position, DROP CONSTRAINT events_stream_version;
ALTER TABLE log.claims DROP CONSTRAINT claims_value, DROP CONSTRAINT claims_holder;
ALTER TABLE log.commands DROP CONSTRAINT commands_id;
DROP INDEX log.events_by_type;
CREATE FUNCTION pg_temp.v7(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(1700000000000 + number), 12, '0') || '7' || substr(md5(number::text), 1, 3) || '8' || substr(md5(number::text), 4, 15))::uuid
$$;
INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
SELECT
    head + n, 'post-' || pg_temp.v7(n), 1, pg_temp.v7(n), 'PostDrafted', 1, data, metadata, recorded_at
FROM (SELECT max(position) AS head FROM log.events) AS old, (SELECT data, metadata, recorded_at FROM log.events WHERE type = 'PostDrafted' LIMIT 1) AS sample,
    generate_series(1, {count}) n;
INSERT INTO log.claims (kind, hash, stream) SELECT 'slug', sha256(n::text::bytea), 'post-' || pg_temp.v7(n) FROM generate_series(1, {count}) n;
INSERT INTO log.commands (id, digest, stream, version, first_position, last_position, recorded_at)
SELECT pg_temp.v7(n), sha256(n::text::bytea), 'post-' || pg_temp.v7(n), 1, n, n, now() FROM generate_series(1, {count}) n;
ALTER TABLE log.events ADD CONSTRAINT events_position PRIMARY KEY (position), ADD CONSTRAINT events_stream_version UNIQUE (stream, version);
ALTER TABLE log.claims ADD CONSTRAINT claims_value PRIMARY KEY (hash), ADD CONSTRAINT claims_holder UNIQUE (stream, kind);
ALTER TABLE log.commands ADD CONSTRAINT commands_id PRIMARY KEY (id);
CREATE INDEX events_by_type ON log.events (type, position);
"""


def table(server, annals, rounds, quick):
    sizes = {"small": 100_000, "large": 200_000 if quick else 10_000_000}
    for name, count in sizes.items():
        print(f"  filling a log of {count:,} events", file=sys.stderr)
        annals.prepare(f"{name}_log", f"{name}_vault")
        annals.append(f"{name}_log", f"{name}_vault", 8, 100)
        server.execute(f"{name}_log", "SET maintenance_work_mem = '1GB';" + FILL.format(count=count))
        server.execute(f"{name}_log", "VACUUM ANALYZE")
    server.execute("postgres", "CHECKPOINT")
    lines = ["| clients | events in the log | events/s | p50 ms | p99 ms | of the small log's |", "| --- | --- | --- | --- | --- | --- |"]
    for clients in CLIENTS:
        results = {name: [] for name in sizes}
        for number in range(rounds + 1):
            for name in sizes:
                result = annals.append(f"{name}_log", f"{name}_vault", clients, 5_000 if quick else 40_000)
                # The first round reads the log into memory.
                if number > 0:
                    results[name].append(result)
                print(f"  {clients} clients, round {number}: {name}: {result['rate']:,.0f}/s", file=sys.stderr)
        for name, count in sizes.items():
            ratio = statistics.median(mine["rate"] / small["rate"] for mine, small in zip(results[name], results["small"]))
            rate, p50, p99 = (statistics.median(result[key] for result in results[name]) for key in ("rate", "p50", "p99"))
            lines.append(f"| {clients} | {count:,} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {ratio:.2f} |")
    return "\n".join(lines)

-- What is the same in all rows, or can be, is made once: the rows are to cost, not their making.
INSERT INTO events (stream, version, id, type, schema_version, data, metadata, recorded_at)
SELECT
    'post-0198f000-0000-7000-8000-' || number, 1, ('0198f000-0000-7000-8000-' || number)::uuid, 'PostDrafted', 1,
    (data || number || '"}')::jsonb, (metadata || number || '"}')::jsonb, now()
FROM (
    SELECT
        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000 AS base,
        '{"author": "0198f000-0000-7000-8000-000000000000", "box": "' || repeat('x', :data_bytes - 80) AS data,
        '{"command": "0198f000-0000-7000-8000-000000000000", "rest": "' || repeat('x', :metadata_bytes - 80) AS metadata
    OFFSET 0
) constant, LATERAL (SELECT 100000000000 + (base + row) % 900000000000 AS number FROM generate_series(1, 200) row OFFSET 0) numbered;

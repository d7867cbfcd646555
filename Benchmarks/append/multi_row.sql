INSERT INTO events (stream, version, id, type, schema_version, data, metadata, recorded_at)
SELECT
    'post-' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 14, '0') || substr(gen_random_uuid()::text, 15), 1, gen_random_uuid(), 'PostDrafted', 1,
    ('{"author": "0198f000-0000-7000-8000-000000000000", "box": "' || row || repeat('x', :data_bytes - 70) || '"}')::jsonb,
    ('{"command": "' || gen_random_uuid() || '", "rest": "' || repeat('x', :metadata_bytes - 66) || '"}')::jsonb, now()
FROM generate_series(1, 200) row;

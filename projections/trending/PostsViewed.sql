INSERT INTO bucket (hour, post, count)
SELECT date_trunc('hour', :recorded_at, 'UTC'), key::uuid, value::bigint FROM jsonb_each_text(:counts)
ON CONFLICT (hour, post) DO UPDATE SET count = bucket.count + excluded.count

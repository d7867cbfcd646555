-- annals: repeats
INSERT INTO bucket (hour, post, count)
SELECT date_trunc('hour', recorded_at, 'UTC'), key::uuid, sum(value::bigint)
FROM :events AS event CROSS JOIN LATERAL jsonb_each_text(event.counts)
GROUP BY 1, 2
ON CONFLICT (hour, post) DO UPDATE SET count = bucket.count + excluded.count

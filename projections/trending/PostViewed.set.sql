-- annals: repeats
-- A sum passes over a NULL, which the form for one event refuses: then there is no sum.
INSERT INTO bucket (hour, post, count)
SELECT date_trunc('hour', recorded_at, 'UTC'), stream_id, CASE WHEN count(event.count) = count(*) THEN sum(event.count) END
FROM :events AS event GROUP BY 1, 2
ON CONFLICT (hour, post) DO UPDATE SET count = bucket.count + excluded.count

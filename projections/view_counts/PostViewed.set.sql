-- annals: repeats
-- A sum passes over a NULL, which the form for one event refuses: then there is no sum.
WITH counted AS (
    INSERT INTO total (post, count, published)
    SELECT stream_id, CASE WHEN count(event.count) = count(*) THEN sum(event.count) END, false FROM :events AS event GROUP BY stream_id
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count
)
INSERT INTO hourly (post, hour, count)
SELECT stream_id, date_trunc('hour', recorded_at, 'UTC'), CASE WHEN count(event.count) = count(*) THEN sum(event.count) END
FROM :events AS event GROUP BY 1, 2
ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count

-- annals: repeats
WITH viewed AS (
    SELECT key::uuid AS post, date_trunc('hour', recorded_at, 'UTC') AS hour, sum(value::bigint) AS count
    FROM :events AS event CROSS JOIN LATERAL jsonb_each_text(event.counts)
    GROUP BY 1, 2
), counted AS (
    INSERT INTO total (post, count, published)
    SELECT post, sum(count), false FROM viewed GROUP BY post
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count
)
INSERT INTO hourly (post, hour, count)
SELECT post, hour, count FROM viewed
ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count

WITH viewed AS (
    SELECT key::uuid AS post, value::bigint AS count FROM jsonb_each_text(:counts)
), counted AS (
    INSERT INTO total (post, count, published)
    SELECT post, count, false FROM viewed
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count
)
INSERT INTO hourly (post, hour, count)
SELECT post, date_trunc('hour', :recorded_at, 'UTC'), count FROM viewed
ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count

WITH counted AS (
    INSERT INTO total (post, count, published)
    VALUES (:stream_id, :count, false)
    ON CONFLICT (post) DO UPDATE SET count = total.count + excluded.count
)
INSERT INTO hourly (post, hour, count)
VALUES (:stream_id, date_trunc('hour', :recorded_at, 'UTC'), :count)
ON CONFLICT (post, hour) DO UPDATE SET count = hourly.count + excluded.count

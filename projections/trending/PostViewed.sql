INSERT INTO bucket (hour, post, count)
VALUES (date_trunc('hour', :recorded_at, 'UTC'), :stream_id, :count)
ON CONFLICT (hour, post) DO UPDATE SET count = bucket.count + excluded.count

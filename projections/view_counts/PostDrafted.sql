INSERT INTO total (post, count, published)
VALUES (:stream_id, 0, false)
ON CONFLICT (post) DO NOTHING

INSERT INTO total (post, count, published)
SELECT stream_id, 0, false FROM :events AS event
ON CONFLICT (post) DO NOTHING

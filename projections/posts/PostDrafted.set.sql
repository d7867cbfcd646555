WITH drafted AS (
    INSERT INTO post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    SELECT stream_id, author, title, slug, content, left(content, 200), false, recorded_at, recorded_at, version
    FROM :events AS event
)
INSERT INTO author_count (author, total, published)
SELECT author, count(*), 0 FROM :events AS event GROUP BY author ORDER BY author
ON CONFLICT (author) DO UPDATE SET total = author_count.total + excluded.total

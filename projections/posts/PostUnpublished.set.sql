WITH changed AS (
    UPDATE post
    SET published = false, published_at = NULL, updated_at = event.recorded_at, version = event.version
    FROM :events AS event
    WHERE post.id = event.stream_id
    RETURNING post.author
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, 0, -count(*) FROM changed GROUP BY author ORDER BY author
    ON CONFLICT (author) DO UPDATE SET published = author_count.published + excluded.published
)
INSERT INTO published_count (single, count)
SELECT true, -count(*) FROM changed HAVING count(*) > 0
ON CONFLICT (single) DO UPDATE SET count = published_count.count + excluded.count

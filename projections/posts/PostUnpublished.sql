WITH changed AS (
    UPDATE post
    SET published = false, published_at = NULL, updated_at = :recorded_at, version = :version
    WHERE id = :stream_id
    RETURNING author
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, 0, -1 FROM changed
    ON CONFLICT (author) DO UPDATE SET published = author_count.published - 1
)
INSERT INTO published_count (single, count)
SELECT true, -1 FROM changed
ON CONFLICT (single) DO UPDATE SET count = published_count.count - 1

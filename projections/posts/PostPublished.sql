-- A published post may be published again, at another time. Then it is counted already.
WITH before AS (
    SELECT id, published FROM post WHERE id = :stream_id
), changed AS (
    UPDATE post
    SET published = true, published_at = COALESCE(:publishedAt, :recorded_at), scheduled_at = NULL, updated_at = :recorded_at, version = :version
    FROM before
    WHERE post.id = before.id
    RETURNING post.author, before.published AS is_counted
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, 0, 1 FROM changed WHERE NOT is_counted
    ON CONFLICT (author) DO UPDATE SET published = author_count.published + 1
)
INSERT INTO published_count (single, count)
SELECT true, 1 FROM changed WHERE NOT is_counted
ON CONFLICT (single) DO UPDATE SET count = published_count.count + 1

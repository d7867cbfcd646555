-- A published post may be published again, at another time. Then it is counted already.
WITH before AS (
    SELECT post.id, post.published FROM post JOIN :events AS event ON post.id = event.stream_id
), changed AS (
    UPDATE post
    SET published = true, published_at = COALESCE(event.publishedAt, event.recorded_at), scheduled_at = NULL,
        updated_at = event.recorded_at, version = event.version
    FROM :events AS event JOIN before ON before.id = event.stream_id
    WHERE post.id = event.stream_id
    RETURNING post.author, before.published AS is_counted
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, 0, count(*) FROM changed WHERE NOT is_counted GROUP BY author ORDER BY author
    ON CONFLICT (author) DO UPDATE SET published = author_count.published + excluded.published
)
INSERT INTO published_count (single, count)
SELECT true, count(*) FROM changed WHERE NOT is_counted HAVING count(*) > 0
ON CONFLICT (single) DO UPDATE SET count = published_count.count + excluded.count

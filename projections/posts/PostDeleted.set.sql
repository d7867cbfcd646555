WITH gone AS (
    DELETE FROM post USING :events AS event WHERE post.id = event.stream_id
    RETURNING post.author, post.published
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, -count(*), -count(*) FILTER (WHERE published) FROM gone GROUP BY author ORDER BY author
    ON CONFLICT (author) DO UPDATE
    SET total = author_count.total + excluded.total, published = author_count.published + excluded.published
)
INSERT INTO published_count (single, count)
SELECT true, -count(*) FROM gone WHERE published HAVING count(*) > 0
ON CONFLICT (single) DO UPDATE SET count = published_count.count + excluded.count

WITH gone AS (
    DELETE FROM post WHERE id = :stream_id
    RETURNING author, CASE WHEN published THEN 1 ELSE 0 END AS published
), counted AS (
    INSERT INTO author_count (author, total, published)
    SELECT author, -1, -published FROM gone
    ON CONFLICT (author) DO UPDATE
    SET total = author_count.total + excluded.total, published = author_count.published + excluded.published
)
INSERT INTO published_count (single, count)
SELECT true, -1 FROM gone WHERE published = 1
ON CONFLICT (single) DO UPDATE SET count = published_count.count - 1

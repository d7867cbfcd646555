WITH drafted AS (
    INSERT INTO post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    VALUES (:stream_id, :author, :title, :slug, :content, left(:content, 200), false, :recorded_at, :recorded_at, :version)
)
INSERT INTO author_count (author, total, published)
VALUES (:author, 1, 0)
ON CONFLICT (author) DO UPDATE SET total = author_count.total + 1

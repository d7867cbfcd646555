UPDATE post
SET title = CASE WHEN :title_given THEN :title ELSE title END,
    slug = CASE WHEN :slug_given THEN :slug ELSE slug END,
    content = CASE WHEN :content_given THEN :content ELSE content END,
    excerpt = CASE WHEN :content_given THEN left(:content, 200) ELSE excerpt END,
    updated_at = :recorded_at,
    version = :version
WHERE id = :stream_id

UPDATE post
SET title = CASE WHEN event.title_given THEN event.title ELSE post.title END,
    slug = CASE WHEN event.slug_given THEN event.slug ELSE post.slug END,
    content = CASE WHEN event.content_given THEN event.content ELSE post.content END,
    excerpt = CASE WHEN event.content_given THEN left(event.content, 200) ELSE post.excerpt END,
    updated_at = event.recorded_at,
    version = event.version
FROM :events AS event
WHERE post.id = event.stream_id

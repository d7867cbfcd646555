CREATE INDEX post_published ON post (published_at DESC, id DESC) WHERE published;
CREATE INDEX post_published_by_author ON post (author, published_at DESC, id DESC) WHERE published;
CREATE INDEX post_by_author ON post (author, created_at DESC, id DESC);
CREATE INDEX post_slug ON post USING hash (slug);

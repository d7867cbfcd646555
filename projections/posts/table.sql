-- Posts as they are shown. Personal columns are NULL once their author is forgotten.
CREATE TABLE post (
    id uuid PRIMARY KEY,
    author uuid NOT NULL,
    title text,
    slug text,
    content text,
    excerpt text,
    published boolean NOT NULL,
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL,
    published_at timestamptz(3),
    scheduled_at timestamptz(3), -- of a draft that is to be published by itself
    version int NOT NULL
);

-- Posts by author, drafts included.
CREATE TABLE author_count (
    author uuid PRIMARY KEY,
    total bigint NOT NULL,
    published bigint NOT NULL
);

-- All published posts: one row.
CREATE TABLE published_count (
    single boolean PRIMARY KEY CHECK (single),
    count bigint NOT NULL
);

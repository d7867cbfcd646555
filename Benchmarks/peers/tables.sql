-- The tables of Annals' read models, in the peers' database: the same columns, keys and indexes.

CREATE SCHEMA posts;

CREATE TABLE posts.post (
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
    version int NOT NULL
);
CREATE INDEX post_published ON posts.post (published_at DESC, id DESC) WHERE published;
CREATE INDEX post_published_by_author ON posts.post (author, published_at DESC, id DESC) WHERE published;
CREATE INDEX post_by_author ON posts.post (author, created_at DESC, id DESC);
CREATE INDEX post_slug ON posts.post USING hash (slug);

CREATE TABLE posts.published_count (
    single boolean PRIMARY KEY CHECK (single),
    count bigint NOT NULL
);

CREATE SCHEMA users;

CREATE TABLE users.account (
    id uuid PRIMARY KEY,
    username text,
    email text,
    display_name text,
    bio text,
    role text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'deactivated', 'closed')),
    created_at timestamptz(3) NOT NULL,
    updated_at timestamptz(3) NOT NULL,
    version int NOT NULL
);
CREATE INDEX account_username ON users.account (username);
CREATE INDEX account_created ON users.account (created_at, id);

CREATE SCHEMA view_counts;

CREATE TABLE view_counts.total (
    post uuid PRIMARY KEY,
    count bigint NOT NULL,
    published boolean NOT NULL
);
CREATE INDEX total_most_viewed ON view_counts.total (count DESC, post DESC) WHERE published;

"""Posts over HTTP with granian and asyncpg: one statement a request."""

import os
import re

import asyncpg
import orjson

COLUMNS = """p.id, p.title, p.slug, p.published, COALESCE(t.count, 0) AS views, a.id AS author, a.username, a.display_name,
    p.created_at, p.updated_at, p.published_at, p.version"""
TABLES = "posts.post AS p JOIN users.account AS a ON a.id = p.author LEFT JOIN view_counts.total AS t ON t.post = p.id"
BY_ID = f"SELECT {COLUMNS}, p.content FROM {TABLES} WHERE p.id = $1 AND p.published"
BY_SLUG = f"SELECT {COLUMNS}, p.content FROM {TABLES} WHERE p.slug = $1 AND p.published"
VIEWED = "WITH viewed AS (UPDATE view_counts.total SET count = count + 1 WHERE published AND post ="
VIEW_BY_ID = f"{VIEWED} $1) {BY_ID}"
VIEW_BY_SLUG = f"{VIEWED} (SELECT id FROM posts.post WHERE slug = $1)) {BY_SLUG}"
LIST = f"SELECT {COLUMNS}, p.excerpt, (SELECT count FROM posts.published_count) AS total FROM {TABLES} WHERE p.published"
NEWEST = f"{LIST} ORDER BY p.published_at DESC, p.id DESC LIMIT 20"
MOST_VIEWED = f"{LIST} AND t.published ORDER BY t.count DESC, t.post DESC LIMIT 20"
INSERT = """INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, version)
    VALUES (gen_random_uuid(), $1, $2, $3, $4, left($4, 200), false, now(), now(), 1) RETURNING id"""

JSON = ("content-type", "application/json")
POSTS = "/api/v1/posts"


class Posts:
    """An RSGI application; each worker has its own, with its own connections."""

    def __rsgi_init__(self, loop):
        self.author = os.environ["AUTHOR"]
        self.pool = loop.run_until_complete(asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=16, max_size=16))

    async def __rsgi__(self, scope, protocol):
        path = scope.path
        is_counted = scope.headers.get("dnt") != "1"
        if path == "/health":
            reply(protocol, 200, {"status": "ok"})
        elif path == POSTS and scope.method == "POST":
            await self.create(await protocol(), protocol)
        elif path == POSTS:
            await self.list(MOST_VIEWED if scope.query_string == "sort=views" else NEWEST, protocol)
        elif path.startswith(f"{POSTS}/by-slug/"):
            await self.show(VIEW_BY_SLUG if is_counted else BY_SLUG, path[len(POSTS) + 9 :], scope, protocol)
        elif path.startswith(f"{POSTS}/"):
            await self.show(VIEW_BY_ID if is_counted else BY_ID, path[len(POSTS) + 1 :], scope, protocol)
        else:
            protocol.response_empty(404, [])

    async def show(self, query, key, scope, protocol):
        row = await self.pool.fetchrow(query, key)
        if row is None:
            return protocol.response_empty(404, [])
        tag = f'W/"{row["version"]}"'
        if scope.headers.get("if-none-match") == tag:
            return protocol.response_empty(304, [("etag", tag)])
        reply(protocol, 200, {"data": shown(row, "content")}, ("etag", tag))

    async def list(self, query, protocol):
        rows = await self.pool.fetch(query)
        total = rows[0]["total"] if rows else 0
        pagination = {"limit": 20, "total": total, "page": 1, "pages": (total + 19) // 20}
        reply(protocol, 200, {"data": [shown(row, "excerpt") for row in rows], "pagination": pagination})

    async def create(self, body, protocol):
        try:
            post = orjson.loads(body)
            title, content = post["title"], post["content"]
        except (ValueError, KeyError, TypeError):
            return protocol.response_empty(400, [])
        if not 1 <= len(title) <= 255 or not content:
            return protocol.response_empty(422, [])
        slug = "-".join(re.findall("[a-z0-9]+", title.lower()))
        id = str(await self.pool.fetchval(INSERT, self.author, title, slug, content))
        reply(protocol, 201, {"data": {"id": id, "slug": slug, "version": 1}}, ("location", f"{POSTS}/{id}"), ("etag", '"1"'))


def shown(row, text):
    return {
        "id": str(row["id"]),
        "title": row["title"],
        "slug": row["slug"],
        text: row[text],
        "published": row["published"],
        "viewCount": row["views"],
        "author": {"id": str(row["author"]), "username": row["username"], "displayName": row["display_name"]},
        "createdAt": time(row["created_at"]),
        "updatedAt": time(row["updated_at"]),
        "publishedAt": time(row["published_at"]),
        "version": row["version"],
    }


def time(time):
    """In UTC, as asyncpg gives it, with milliseconds."""
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def reply(protocol, status, value, *headers):
    protocol.response_bytes(status, [JSON, *headers], orjson.dumps(value))


app = Posts()

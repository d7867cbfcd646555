import EventSourcing
import Foundation
import Postgres

/// Rows as the projector would make them.
extension Newsroom {
    /// Registers an account, the later the newer.
    @discardableResult
    func register(_ username: String, id: UUID = .v7(), second: Int64 = 0, status: String = "active") async throws -> Reader {
        let isClosed = status == "closed"
        try await owner.query(
            Statement(
                "register",
                """
                INSERT INTO users.account (id, username, email, display_name, bio, role, status, created_at, updated_at, version)
                VALUES ($1, $2, $3, $4, NULL, 'user', $5, $6, $6, 1)
                """),
            [
                .uuid(id), .text(optional: isClosed ? nil : username), .text(optional: isClosed ? nil : username + "@example.org"),
                .text(optional: isClosed ? nil : username.uppercased()), .text(status), .timestamp(Self.time(second)),
            ])
        try await owner.query(
            Statement(
                "count_account",
                "INSERT INTO users.account_count (status, count) VALUES ($1, 1) ON CONFLICT (status) DO UPDATE SET count = account_count.count + 1"),
            [.text(status)])
        return Reader(id: id)
    }

    /// Drafts a post, and publishes it at a second unless that is nil.
    @discardableResult
    func post(
        _ title: String?, by author: UUID, slug: String? = nil, content: String? = "content", publishedAt second: Int64? = 0, draftedAt: Int64 = 0,
        views: Int64 = 0, id: UUID = .v7()
    ) async throws -> UUID {
        let isPublished = second != nil
        try await owner.atomically([
            Query(
                Statement(
                    "draft",
                    """
                    INSERT INTO posts.post (id, author, title, slug, content, excerpt, published, created_at, updated_at, published_at, version)
                    VALUES ($1, $2, $3, $4, $5, left($5, 200), $6, $7, $7, $8, 3)
                    """),
                [
                    .uuid(id), .uuid(author), .text(optional: title), .text(optional: slug), .text(optional: content), .bool(isPublished),
                    .timestamp(Self.time(draftedAt)), .timestamp(optional: second.map(Self.time)),
                ]),
            Query(
                Statement(
                    "count_author",
                    """
                    INSERT INTO posts.author_count (author, total, published) VALUES ($1, 1, $2)
                    ON CONFLICT (author) DO UPDATE SET total = author_count.total + 1, published = author_count.published + excluded.published
                    """), [.uuid(author), .int8(isPublished ? 1 : 0)]),
            Query(
                Statement("count_published", "INSERT INTO posts.published_count VALUES (true, $1) ON CONFLICT DO NOTHING"), [.int8(0)]),
            Query(
                Statement("add_published", "UPDATE posts.published_count SET count = count + $1"), [.int8(isPublished ? 1 : 0)]),
            Query(
                Statement("count_views", "INSERT INTO view_counts.total (post, count, published) VALUES ($1, $2, $3)"),
                [.uuid(id), .int8(views), .bool(isPublished)]),
        ])
        return id
    }

    /// Makes a post a draft again.
    func unpublish(_ post: UUID) async throws {
        try await owner.query(Statement("unpublish", "UPDATE posts.post SET published = false WHERE id = $1"), [.uuid(post)])
    }

    /// Adds views of a post within an hour after the start.
    func views(_ count: Int64, of post: UUID, hour: Int64) async throws {
        try await owner.query(
            Statement("count_hour", "INSERT INTO view_counts.hourly (post, hour, count) VALUES ($1, $2, $3)"),
            [.uuid(post), .timestamp(Self.time(hour * 3600)), .int8(count)])
    }

    /// An event of a post or user that a model could not take.
    func park(_ id: UUID, in model: String, at position: Int64) async throws {
        try await owner.query(
            Statement(
                "park",
                """
                INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
                SELECT build, $3, 'views-' || $2::text, $2, 'PostViewed', 'failed' FROM annals.checkpoints WHERE model = $1
                """),
            [.text(model), .uuid(id), .int8(position)])
    }

    /// Lets a read model have come to a position, and tells everybody.
    func move(_ model: String, to position: Int64) async throws {
        try await owner.query(
            Statement(
                "move", "UPDATE annals.checkpoints SET position = $2, event_id = CASE $2 WHEN 0 THEN NULL ELSE gen_random_uuid() END WHERE model = $1"
            ),
            [.text(model), .int8(position)])
        try await owner.query(Statement("tell", "SELECT pg_notify('annals_read', $1)"), [.text("\(model):\(position)")])
    }

    /// Seconds after the start of 2026, in milliseconds.
    static func time(_ second: Int64) -> Int64 { 1_767_225_600_000 + second * 1000 }
}

import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres
import PublishingAPI

/// A post by its id, draft or not.
struct PostByID: ReadQuery {
    let id: UUID

    var statement: Statement { .postByID }
    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: PostDocument?) -> UUID? { id }
}

/// The post that holds a slug, draft or not.
struct PostBySlug: ReadQuery {
    let slug: String

    /// Nil for what can be nobody's slug, whatever the read model says.
    init?(_ text: String) {
        guard 1...300 ~= text.utf8.count, WireText(text).allSatisfy({ $0 == UInt8(ascii: "-") || $0.isLowercaseAlphanumeric }) else { return nil }
        slug = text
    }

    var statement: Statement { .postBySlug }
    var values: [SQLValue] { [.text(slug)] }

    // Without a row nothing tells whose slug it would be.
    func entity(in answer: PostDocument?) -> UUID? { answer?.id }
}

extension ReadQuery where Answer == PostDocument? {
    static var models: [JoinedModel] { PostPage.models }

    func decode(_ rows: QueryResult) throws -> PostDocument? {
        try rows.first.flatMap { try PostDocument($0, from: 1) { .content($0) } }
    }
}

/// The author of a post that everyone may see; nil when there is no such post.
struct PublishedPost: ReadQuery {
    let id: UUID

    static let models: [JoinedModel] = [.posts]
    var statement: Statement { .publishedPost }
    var values: [SQLValue] { [.uuid(id)] }

    func entity(in answer: UUID?) -> UUID? { id }

    func decode(_ rows: QueryResult) throws -> UUID? { try rows[0].get(1) }
}

extension Statement {
    static let postByID = Statement(
        "post_by_id",
        """
        SELECT model.position, \(PostColumns.all(text: "content"))
        FROM \(PostPage.models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        \(PostColumns.joins)
        """)

    // Claims keep slugs unique, but a read model may show both posts for a moment while a slug passes from one to the other.
    static let postBySlug = Statement(
        "post_by_slug",
        """
        SELECT model.position, \(PostColumns.all(text: "content"))
        FROM \(PostPage.models.lowestPosition) AS model
        LEFT JOIN LATERAL (SELECT * FROM posts.post WHERE slug = $1 ORDER BY updated_at DESC, id LIMIT 1) AS post ON true
        \(PostColumns.joins)
        """)

    static let publishedPost = Statement(
        "published_post",
        """
        SELECT model.position, post.author
        FROM \(PublishedPost.models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1 AND post.published
        """)
}

/// The columns that every query of posts selects, so that one decoder serves all of them.
enum PostColumns {
    /// The columns of a list's item that stand in `posts.post` itself.
    static let item = """
        post.id, post.author, post.title, post.slug, post.excerpt, post.published, post.created_at, post.updated_at, post.published_at, \
        post.version, post.scheduled_at
        """

    /// All columns, from `post` (or a subquery of that name), `account` and `total`; `text` is the column that stands for the text.
    static func all(text: String) -> String {
        """
        post.id, post.author, post.title, post.slug, post.\(text), post.published, post.created_at, post.updated_at, post.published_at, \
        post.version, account.username, account.display_name, COALESCE(total.count, 0), post.scheduled_at
        """
    }

    /// Author and views belong to other models, and are joined when asked for.
    static let joins = """
        LEFT JOIN users.account ON account.id = post.author
        LEFT JOIN view_counts.total ON total.post = post.id
        """
}

extension PostDocument {
    /// Reads `PostColumns.all` from column `first` on; nil when the row stands for no post.
    init?(_ row: Row, from first: Int, text: (String?) -> Text) throws {
        guard !row.isNull(first) else { return nil }
        self.init(
            id: try row.get(first), title: try row.get(first + 2), slug: try row.get(first + 3), text: text(try row.get(first + 4)),
            isPublished: try row.get(first + 5), viewCount: try row.get(first + 12, as: Int64.self),
            author: Author(id: try row.get(first + 1), username: try row.get(first + 10), displayName: try row.get(first + 11)),
            createdAt: Timestamp(milliseconds: try row.milliseconds(first + 6)), updatedAt: Timestamp(milliseconds: try row.milliseconds(first + 7)),
            publishedAt: try row.millisecondsOrNil(first + 8).map { Timestamp(milliseconds: $0) },
            scheduledAt: try row.millisecondsOrNil(first + 13).map { Timestamp(milliseconds: $0) }, version: try row.get(first + 9))
    }
}

extension UInt8 {
    fileprivate var isLowercaseAlphanumeric: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self || UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}

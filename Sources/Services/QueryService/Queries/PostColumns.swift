import FoundationEssentials
import Postgres

/// What every query of posts selects, so that one decoder serves all of them.
enum PostColumns {
    /// The columns of a list's item that stand in `posts.post` itself.
    static let item = """
        post.id, post.author, post.title, post.slug, post.excerpt, post.published, post.created_at, post.updated_at, post.published_at, post.version
        """

    /// All columns, from `post` (or a subquery of that name), `account` and `total`; `text` is the column that stands for the text.
    static func all(text: String) -> String {
        """
        post.id, post.author, post.title, post.slug, post.\(text), post.published, post.created_at, post.updated_at, post.published_at, post.version, \
        account.username, account.display_name, COALESCE(total.count, 0)
        """
    }

    /// Author and views belong to other models, and are joined when asked for.
    static let joins = """
        LEFT JOIN users.account ON account.id = post.author
        LEFT JOIN view_counts.total ON total.post = post.id
        """
}

/// One post as it is shown. What its author took back is nil.
struct PostRow {
    let id: UUID
    let author: UUID
    let title: String?
    let slug: String?
    /// The content, or in lists the excerpt.
    let text: String?
    let published: Bool
    /// Times in milliseconds since 1970 UTC.
    let createdAt: Int64
    let updatedAt: Int64
    let publishedAt: Int64?
    let version: Int
    let authorUsername: String?
    let authorDisplayName: String?
    let viewCount: Int64

    /// Reads `PostColumns.all` from column `first` on; nil when the row stands for no post.
    init?(_ row: Row, from first: Int) throws {
        guard !row.isNull(first) else { return nil }
        id = try row.get(first)
        author = try row.get(first + 1)
        title = try row.get(first + 2)
        slug = try row.get(first + 3)
        text = try row.get(first + 4)
        published = try row.get(first + 5)
        createdAt = try row.milliseconds(first + 6)
        updatedAt = try row.milliseconds(first + 7)
        publishedAt = try row.millisecondsOrNil(first + 8)
        version = try row.get(first + 9)
        authorUsername = try row.get(first + 10)
        authorDisplayName = try row.get(first + 11)
        viewCount = try row.get(first + 12)
    }
}

import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// The columns that every query of posts selects, so that one decoder serves all of them.
enum PostColumns {
    /// The columns of a list's item that stand in `posts.post` itself.
    static let item = """
        post.id, post.author, post.title, post.slug, post.excerpt, post.published, post.created_at, post.updated_at, post.published_at, post.version
        """

    /// All columns, from `post` (or a subquery of that name), `account` and `total`; `text` is the column that stands for the text.
    static func all(text: String) -> String {
        """
        post.id, post.author, post.title, post.slug, post.\(text), post.published, post.created_at, post.updated_at, post.published_at, \
        post.version, account.username, account.display_name, COALESCE(total.count, 0)
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
            publishedAt: try row.millisecondsOrNil(first + 8).map { Timestamp(milliseconds: $0) }, version: try row.get(first + 9))
    }
}

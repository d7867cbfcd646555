import Postgres
import PublishingAPI

/// The one shape that all lists of posts share. A list gives where its rows come from, in which order, and how many there are.
struct PostList {
    /// The rows, at most `lookAhead` of them: `PostColumns.item`, and the order's columns.
    ///
    /// They walk one index in the list's order and stop at a literal limit, above the bound one. A prepared plan must do for every value of its
    /// parameters, and a bound limit makes the planner expect a tenth of the table: it would sort everything and join by hashing.
    let rows: String
    /// The column that leads the order, largest first; the id decides between equals.
    let order: String
    /// A derived table of one row: `total`, and `known`, whether the author whose posts they are has an account.
    let counted: String

    /// The most rows that an answer needs: a full page, and one that tells whether another page follows.
    static let lookAhead = 101

    /// The statement; `limit` is the parameter with the number of rows wanted.
    func statement(_ name: String, limit: String) -> Statement {
        let order = "ORDER BY post.\(order) DESC, post.id DESC"
        return Statement(
            name,
            """
            SELECT model.position, counted.known, counted.total, \(PostColumns.all(text: "excerpt"))
            FROM \(PostPage.models.lowestPosition) AS model
            CROSS JOIN (\(counted)) AS counted
            LEFT JOIN (SELECT * FROM (\(rows)) AS post \(order) LIMIT \(limit)) AS post ON true
            \(PostColumns.joins)
            \(order)
            """)
    }

    /// All published posts, counted.
    static let publishedCount = "SELECT true AS known, COALESCE((SELECT sum(count) FROM posts.published_count), 0)::bigint AS total"

    /// An author's posts, counted: `column` is `published` or `total` (drafts too). The author is `$1`.
    static func authorCount(_ column: String) -> String {
        """
        SELECT EXISTS (SELECT FROM users.account WHERE id = $1 AND status <> 'closed') AS known, \
        COALESCE((SELECT \(column) FROM posts.author_count WHERE author = $1), 0) AS total
        """
    }
}

/// A query that answers with one page of posts.
protocol PostListQuery: ReadQuery where Answer == PostPage {}

extension PostListQuery {
    static var models: [JoinedModel] { PostPage.models }

    func decode(_ rows: QueryResult) throws -> PostPage { try PostPage(rows) }
}

/// The answer of a list of posts.
struct PostPage {
    static let models: [JoinedModel] = [.posts, .users, .viewCounts]

    /// Whether the author whose posts they are has an account; true where no author was named.
    let isKnown: Bool
    /// How many the whole list has.
    let total: Int64
    let posts: [PostDocument]

    init(_ rows: QueryResult) throws {
        let first = rows[0]
        isKnown = try first.get(1)
        total = try first.get(2)
        posts = try rows.compactMap { try PostDocument($0, from: 3) { .excerpt($0) } }
    }
}

import FoundationEssentials
import Postgres
import PublishingAPI

/// A list of posts: one statement for what follows a row of it, and one for what follows so many rows.
///
/// The rows walk one index in the list's order and stop at a literal limit, above the bound one. A prepared plan must do for every value of its
/// parameters, and a bound limit makes the planner expect a tenth of the table: it would sort everything and join by hashing.
struct PostList: Sendable {
    let afterRow: Statement
    let afterOffset: Statement
    /// Whether the list is ordered by time, and not by views.
    let isByTime: Bool

    /// The most rows that an answer needs: a full page, and one that tells whether another page follows.
    static let lookAhead = 101

    /// The published posts, newest first.
    static let newest = byTime("newest_posts", of: "published", column: "published_at", counted: published)

    /// One author's published posts, newest first.
    static let newestOfAuthor = byTime(
        "newest_posts_of_author", of: "author = $1 AND published", column: "published_at", counted: ofAuthor("published"), place: 2)

    /// One author's posts and drafts, last drafted first.
    static let allOfAuthor = byTime("all_posts_of_author", of: "author = $1", column: "created_at", counted: ofAuthor("total"), place: 2)

    /// The published posts, most viewed first. The counts' own index leads; a post that the other model does not show yet is skipped.
    static let mostViewed = PostList(
        "most_viewed_posts", order: "views", counted: published,
        afterRow: """
            SELECT \(PostColumns.item), viewed.count AS views FROM view_counts.total AS viewed
            JOIN posts.post ON post.id = viewed.post AND post.published
            WHERE viewed.published AND (viewed.count, viewed.post) < ($1, $2)
            ORDER BY viewed.count DESC, viewed.post DESC LIMIT \(lookAhead)
            """,
        afterOffset: """
            SELECT \(PostColumns.item), place.views FROM posts.post
            JOIN (
                SELECT post AS id, count AS views FROM view_counts.total WHERE published
                ORDER BY count DESC, post DESC OFFSET $1 LIMIT \(lookAhead)
            ) AS place USING (id)
            WHERE post.published
            """)

    /// One author's published posts, most viewed first. An author's posts and their views are two models, so no index has this order: the statements
    /// sort all of the author's posts.
    static let mostViewedOfAuthor = {
        let posts = """
            SELECT \(PostColumns.item), COALESCE(viewed.count, 0) AS views FROM posts.post
            LEFT JOIN view_counts.total AS viewed ON viewed.post = post.id
            WHERE post.author = $1 AND post.published
            """
        let order = "ORDER BY views DESC, post.id DESC"
        return PostList(
            "most_viewed_posts_of_author", order: "views", counted: ofAuthor("published"), place: 2,
            afterRow: "\(posts) AND (COALESCE(viewed.count, 0), post.id) < ($2, $3) \(order) LIMIT \(lookAhead)",
            afterOffset: "\(posts) \(order) OFFSET $2 LIMIT \(lookAhead)")
    }()

    /// A list that an index on a time has in its order, so that a place deep in it costs what the first one does. By offset it walks the index, not
    /// the table, over the rows that it leaves out.
    private static func byTime(_ name: String, of posts: String, column: String, counted: String, place: Int = 1) -> PostList {
        PostList(
            name, order: column, counted: counted, place: place,
            afterRow: """
                SELECT \(PostColumns.item) FROM posts.post
                WHERE \(posts) AND (\(column), id) < ($\(place), $\(place + 1))
                ORDER BY \(column) DESC, id DESC LIMIT \(lookAhead)
                """,
            afterOffset: """
                SELECT \(PostColumns.item) FROM posts.post
                JOIN (
                    SELECT id FROM posts.post WHERE \(posts)
                    ORDER BY \(column) DESC, id DESC OFFSET $\(place) LIMIT \(lookAhead)
                ) AS place USING (id)
                """)
    }

    /// - Parameters:
    ///   - order: the column that leads the order, largest first; the id decides between equals.
    ///   - counted: a derived table of one row: `total`, and `known`, whether the author whose posts they are has an account.
    ///   - place: the number of the first parameter that says where to begin.
    ///   - afterRow, afterOffset: the rows, at most `lookAhead` of them: `PostColumns.item`, and the order's columns.
    private init(_ name: String, order: String, counted: String, place: Int = 1, afterRow: String, afterOffset: String) {
        func statement(_ name: String, _ rows: String, limit: Int) -> Statement {
            let order = "ORDER BY post.\(order) DESC, post.id DESC"
            return Statement(
                name,
                """
                SELECT model.position, counted.known, counted.total, \(PostColumns.all(text: "excerpt"))
                FROM \(PostPage.models.lowestPosition) AS model
                CROSS JOIN (\(counted)) AS counted
                LEFT JOIN (SELECT * FROM (\(rows)) AS post \(order) LIMIT $\(limit)) AS post ON true
                \(PostColumns.joins)
                \(order)
                """)
        }
        self.afterRow = statement(name, afterRow, limit: place + 2)
        self.afterOffset = statement(name + "_by_offset", afterOffset, limit: place + 1)
        isByTime = order != "views"
    }

    /// All published posts, counted.
    private static let published = "SELECT true AS known, COALESCE((SELECT sum(count) FROM posts.published_count), 0)::bigint AS total"

    /// An author's posts, counted: `column` is `published` or `total` (drafts too). The author is `$1`.
    private static func ofAuthor(_ column: String) -> String {
        """
        SELECT EXISTS (SELECT FROM users.account WHERE id = $1 AND status <> 'closed') AS known, \
        COALESCE((SELECT \(column) FROM posts.author_count WHERE author = $1), 0) AS total
        """
    }
}

/// One page of a list of posts.
struct PostListQuery: ReadQuery {
    static let models = PostPage.models
    let statement: Statement
    let values: [SQLValue]

    init(_ list: PostList, of author: UUID?, from place: ListPlace) {
        let start: [SQLValue]
        switch place.start {
        case .after(let key): (statement, start) = (list.afterRow, list.isByTime ? key.asTime : key.asCount)
        case .offset(let rows): (statement, start) = (list.afterOffset, [.int8(Int64(rows))])
        }
        values = (author.map { [.uuid($0)] } ?? []) + start + [.int8(Int64(place.rowsWanted))]
    }

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

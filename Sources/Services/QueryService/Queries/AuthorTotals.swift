import FoundationEssentials
import Postgres
import PublishingAPI

/// How many posts an author has, and how often they were viewed.
struct TotalsOfAuthor: ReadQuery {
    let author: UUID

    static let models: [JoinedModel] = [.posts, .viewCounts]
    var statement: Statement { .totalsOfAuthor }
    var values: [SQLValue] { [.uuid(author)] }

    func decode(_ rows: QueryResult) throws -> AuthorTotals {
        let row = rows[0]
        return AuthorTotals(posts: try row.get(1), published: try row.get(2), views: try row.get(3))
    }
}

struct AuthorTotals {
    /// Drafts included.
    let posts: Int64
    let published: Int64
    /// Of all of them.
    let views: Int64
}

extension Statement {
    /// Views belong to another model, which does not know authors: they are added up over the author's posts.
    static let totalsOfAuthor = Statement(
        "totals_of_author",
        """
        SELECT model.position, COALESCE(own.total, 0), COALESCE(own.published, 0), COALESCE(viewed.count, 0)
        FROM \(TotalsOfAuthor.models.lowestPosition) AS model
        LEFT JOIN posts.author_count AS own ON own.author = $1
        CROSS JOIN (
            SELECT sum((SELECT count FROM view_counts.total WHERE total.post = post.id))::bigint AS count FROM posts.post WHERE author = $1
        ) AS viewed
        """)
}

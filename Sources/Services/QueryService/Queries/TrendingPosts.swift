import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// The published posts that have been viewed most in the last 24 hours: this one and the 23 before it, by the clock of the asker.
struct TrendingPosts: ReadQuery {
    let now: Timestamp
    let limit: Int

    static let models: [JoinedModel] = PostPage.models + [.trending]
    var statement: Statement { .trendingPosts }
    var values: [SQLValue] { [.timestamp(now.milliseconds), .int8(Int64(limit))] }

    func decode(_ rows: QueryResult) throws -> [PostDocument] { try rows.compactMap { try PostDocument($0, from: 1) { .excerpt($0) } } }
}

extension Statement {
    /// The sums are sorted before posts are looked up, so that only as many are as the answer needs. The planner is to expect no more either: hence
    /// the literal limit above the bound one, as in `PostList`.
    static let trendingPosts = Statement(
        "trending_posts",
        """
        SELECT model.position, \(PostColumns.all(text: "excerpt"))
        FROM \(TrendingPosts.models.lowestPosition) AS model
        LEFT JOIN (
            SELECT * FROM (
                SELECT \(PostColumns.item), summed.views FROM (
                    SELECT post AS id, sum(count) AS views FROM trending.bucket
                    WHERE hour > $1::timestamptz - interval '24 hours' AND hour <= $1
                    GROUP BY post ORDER BY views DESC, id DESC
                ) AS summed
                JOIN LATERAL (SELECT * FROM posts.post WHERE post.id = summed.id AND post.published LIMIT 1) AS post ON true
                ORDER BY summed.views DESC, summed.id DESC LIMIT \(PostList.lookAhead)
            ) AS post ORDER BY views DESC, id DESC LIMIT $2
        ) AS post ON true
        \(PostColumns.joins)
        ORDER BY post.views DESC, post.id DESC
        """)
}

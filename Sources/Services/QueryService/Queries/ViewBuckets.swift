import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// A post's views by hour, the newest hours first.
struct HourlyViews: ReadQuery {
    let post: UUID
    let span: ViewSpan
    /// Where the page before ended: this one starts with the hour before it.
    let before: Int64
    let limit: Int

    static let models: [JoinedModel] = [.posts, .viewCounts]
    static let statement = Statement(
        "hourly_views",
        """
        SELECT model.position, post.author, post.published, whole.count, bucket.start, bucket.count
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        LEFT JOIN LATERAL (
            SELECT count(*) FROM view_counts.hourly WHERE hourly.post = $1 AND hour >= $2 AND hour < $3
        ) AS whole ON post.id IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT hour AS start, count FROM view_counts.hourly
            WHERE hourly.post = $1 AND hour >= $2 AND hour < LEAST($3, $4)
            ORDER BY hour DESC LIMIT $5
        ) AS bucket ON post.id IS NOT NULL
        ORDER BY bucket.start DESC
        """)

    var values: [SQLValue] { span.values(of: post, before: before, limit: limit) }

    func entity(in answer: ViewBuckets?) -> UUID? { post }

    func decode(_ rows: QueryResult) throws -> ViewBuckets? { try ViewBuckets(rows) }
}

/// A post's views by day in UTC, the newest days first.
struct DailyViews: ReadQuery {
    let post: UUID
    let span: ViewSpan
    /// Where the page before ended: this one starts with the day before it.
    let before: Int64
    let limit: Int

    static let models: [JoinedModel] = [.posts, .viewCounts]
    static let statement = Statement(
        "daily_views",
        """
        SELECT model.position, post.author, post.published, whole.count, bucket.start, bucket.count
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        LEFT JOIN LATERAL (
            SELECT count(DISTINCT date_trunc('day', hour, 'UTC')) FROM view_counts.hourly WHERE hourly.post = $1 AND hour >= $2 AND hour < $3
        ) AS whole ON post.id IS NOT NULL
        LEFT JOIN LATERAL (
            SELECT date_trunc('day', hour, 'UTC') AS start, sum(count)::bigint AS count FROM view_counts.hourly
            WHERE hourly.post = $1 AND hour >= $2 AND hour < LEAST($3, $4)
            GROUP BY 1 ORDER BY 1 DESC LIMIT $5
        ) AS bucket ON post.id IS NOT NULL
        ORDER BY bucket.start DESC
        """)

    var values: [SQLValue] { span.values(of: post, before: before, limit: limit) }

    func entity(in answer: ViewBuckets?) -> UUID? { post }

    func decode(_ rows: QueryResult) throws -> ViewBuckets? { try ViewBuckets(rows) }
}

/// From when to when views are counted, in milliseconds since 1970 UTC; the end is not part of it.
struct ViewSpan: Sendable {
    var from = Int64.min
    var to = Int64.max

    fileprivate func values(of post: UUID, before: Int64, limit: Int) -> [SQLValue] {
        [.uuid(post), .timestamp(from), .timestamp(to), .timestamp(before), .int8(Int64(limit))]
    }
}

/// A post's views, and who may see them.
struct ViewBuckets: Sendable {
    let access: PostAccess
    /// How many buckets the whole span has. Counted, within the one post's own hours: no counter could know the span.
    let total: Int64
    /// From the newest; only those that have views.
    let list: [(start: Int64, count: Int64)]

    /// Nil when there is no such post.
    init?(_ rows: QueryResult) throws {
        guard let first = rows.first, !first.isNull(1) else { return nil }
        access = PostAccess(author: try first.get(1), isPublished: try first.get(2))
        total = try first.get(3)
        list = first.isNull(4) ? [] : try rows.map { (start: try $0.milliseconds(4), count: try $0.get(5)) }
    }
}

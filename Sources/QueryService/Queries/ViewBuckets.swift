import EventSourcing
import FoundationEssentials
import Postgres

/// A post's views by hour, the newest hours first cut, then in time order.
struct HourlyViews: ReadQuery {
    let post: UUID
    let span: ViewSpan

    static let models: [JoinedModel] = [.posts, .viewCounts]
    static let statement = Statement(
        "hourly_views",
        """
        SELECT model.position, post.author, post.published, bucket.start, bucket.count
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        LEFT JOIN LATERAL (
            SELECT hour AS start, count FROM view_counts.hourly
            WHERE hourly.post = $1 AND hour >= $2 AND hour < $3
            ORDER BY hour DESC LIMIT \(ViewSpan.maximumBuckets)
        ) AS bucket ON post.id IS NOT NULL
        ORDER BY bucket.start
        """)

    var values: [SQLValue] { [.uuid(post), .timestamp(span.from), .timestamp(span.to)] }

    func entity(in answer: ViewBuckets?) -> UUID? { post }

    func decode(_ rows: QueryResult) throws -> ViewBuckets? { try ViewBuckets(rows) }
}

/// A post's views by day in UTC, the newest days first cut, then in time order.
struct DailyViews: ReadQuery {
    let post: UUID
    let span: ViewSpan

    static let models: [JoinedModel] = [.posts, .viewCounts]
    static let statement = Statement(
        "daily_views",
        """
        SELECT model.position, post.author, post.published, bucket.start, bucket.count
        FROM \(models.lowestPosition) AS model
        LEFT JOIN posts.post ON post.id = $1
        LEFT JOIN LATERAL (
            SELECT date_trunc('day', hour, 'UTC') AS start, sum(count)::bigint AS count FROM view_counts.hourly
            WHERE hourly.post = $1 AND hour >= $2 AND hour < $3
            GROUP BY 1 ORDER BY 1 DESC LIMIT \(ViewSpan.maximumBuckets)
        ) AS bucket ON post.id IS NOT NULL
        ORDER BY bucket.start
        """)

    var values: [SQLValue] { [.uuid(post), .timestamp(span.from), .timestamp(span.to)] }

    func entity(in answer: ViewBuckets?) -> UUID? { post }

    func decode(_ rows: QueryResult) throws -> ViewBuckets? { try ViewBuckets(rows) }
}

/// From when to when views are counted, in milliseconds since 1970 UTC; the end is not part of it.
struct ViewSpan: Sendable {
    /// At most so many buckets are answered, the newest of the span: an earlier `to` leads to older ones.
    static let maximumBuckets = 1000

    var from = Int64.min
    var to = Int64.max
}

/// A post's views, and who may see them.
struct ViewBuckets: Sendable {
    let author: UUID
    let published: Bool
    /// In time order; only those that have views.
    let list: [(start: Int64, count: Int64)]

    /// Nil when there is no such post.
    init?(_ rows: QueryResult) throws {
        guard let first = rows.first, !first.isNull(1) else { return nil }
        author = try first.get(1)
        published = try first.get(2)
        list = first.isNull(3) ? [] : try rows.map { (start: try $0.milliseconds(3), count: try $0.get(4)) }
    }
}

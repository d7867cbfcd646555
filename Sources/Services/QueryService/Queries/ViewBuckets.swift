import EventSourcing
import FoundationEssentials
import Postgres
import PublishingAPI

/// A post's views by hour, or by day in UTC, the newest first.
struct ViewsOfPost: ReadQuery {
    let post: UUID
    let isByHour: Bool
    let span: ViewSpan
    /// Where the page before ended: this one starts with the hour or day before it.
    let before: Int64
    let limit: Int

    static let models: [JoinedModel] = [.posts, .viewCounts]
    var statement: Statement { isByHour ? .hourlyViews : .dailyViews }

    var values: [SQLValue] {
        [.uuid(post), .timestamp(span.from), .timestamp(span.to), .timestamp(before), .int8(Int64(limit))]
    }

    func entity(in answer: ViewBuckets?) -> UUID? { post }

    func decode(_ rows: QueryResult) throws -> ViewBuckets? { try ViewBuckets(rows) }
}

extension Statement {
    static let hourlyViews = views("hourly_views", counted: "count(*)", buckets: "hour AS start, count", grouped: "")

    static let dailyViews = views(
        "daily_views", counted: "count(DISTINCT date_trunc('day', hour, 'UTC'))",
        buckets: "date_trunc('day', hour, 'UTC') AS start, sum(count)::bigint AS count", grouped: "GROUP BY 1")

    private static func views(_ name: String, counted: String, buckets: String, grouped: String) -> Statement {
        Statement(
            name,
            """
            SELECT model.position, post.author, post.published, whole.count, bucket.start, bucket.count
            FROM \(ViewsOfPost.models.lowestPosition) AS model
            LEFT JOIN posts.post ON post.id = $1
            LEFT JOIN LATERAL (
                SELECT \(counted) AS count FROM view_counts.hourly WHERE hourly.post = $1 AND hour >= $2 AND hour < $3
            ) AS whole ON post.id IS NOT NULL
            LEFT JOIN LATERAL (
                SELECT \(buckets) FROM view_counts.hourly
                WHERE hourly.post = $1 AND hour >= $2 AND hour < LEAST($3, $4)
                \(grouped) ORDER BY 1 DESC LIMIT $5
            ) AS bucket ON post.id IS NOT NULL
            ORDER BY bucket.start DESC
            """)
    }
}

/// From when to when views are counted, in milliseconds since 1970 UTC; the end is not part of it.
struct ViewSpan: Sendable {
    var from = Int64.min
    var to = Int64.max
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

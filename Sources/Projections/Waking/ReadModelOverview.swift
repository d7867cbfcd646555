import EventSourcing
package import Postgres

/// All that the read database tells of a live read model.
package struct ReadModelOverview: Sendable, Hashable {
    package let status: ReadModelStatus
    /// Events a second, over the last few heartbeats of its projector; 0 while none is at work.
    package let rate: Double
    /// The process whose projector keeps it current; nil when there is none.
    package let leaseHolder: String?

    /// All models, in the order of their names.
    package static func readAll(from pool: ConnectionPool) async throws -> [ReadModelOverview] {
        let statuses = Dictionary(try await ReadModelStatus.readAll(from: pool).map { ($0.model, $0) }, uniquingKeysWith: { first, _ in first })
        return try await pool.query(.readOverview).compactMap { row in
            try statuses[row.get(0)].map { ReadModelOverview(status: $0, rate: try row.get(1), leaseHolder: try row.get(2)) }
        }
    }
}

extension Statement {
    fileprivate static let readOverview = Statement(
        "read_overview",
        """
        SELECT model, CASE WHEN lease_expires_at > clock_timestamp() THEN rate::float8 ELSE 0 END,
            CASE WHEN lease_expires_at > clock_timestamp() THEN lease_holder END
        FROM annals.checkpoints ORDER BY model
        """)
}

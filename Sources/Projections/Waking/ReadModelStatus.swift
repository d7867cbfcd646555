package import EventSourcing
package import Postgres

/// How a read model stands, as its checkpoint tells: visible to every process.
package struct ReadModelStatus: Sendable, Hashable {
    package let model: String
    /// The digest of the version that is applied, in hexadecimal.
    package let version: String
    /// The position of the last event that its tables hold.
    package let position: Int64
    /// Whether its folder has changed since: it is served and kept current as it was, until it is rebuilt.
    package let isStale: Bool
    /// The event that can not be applied, while that lasts.
    package let failingAt: Int64?
    /// How many streams wait behind an event that could not be applied.
    package let parkedStreams: Int
    /// When it last came further.
    package let updatedAt: Timestamp
}

extension ReadModelStatus {
    /// All models, as stored.
    package static func readAll(from pool: ConnectionPool) async throws -> [ReadModelStatus] {
        try await pool.query(.readCheckpoints).map(ReadModelStatus.init)
    }

    private init(_ row: Row) throws {
        self.init(
            model: try row.get(0), version: try row.get(1), position: try row.get(2), isStale: try row.get(3), failingAt: try row.get(4),
            parkedStreams: try row.get(6), updatedAt: Timestamp(milliseconds: try row.milliseconds(5)))
    }

    /// The same, further on.
    func at(_ position: Int64) -> ReadModelStatus {
        ReadModelStatus(
            model: model, version: version, position: position, isStale: isStale, failingAt: failingAt, parkedStreams: parkedStreams,
            updatedAt: updatedAt)
    }
}

extension Statement {
    fileprivate static let readCheckpoints = Statement(
        "read_checkpoints",
        """
        SELECT model, version, position, version <> folder_version, failing_at, updated_at,
            (SELECT count(DISTINCT stream) FROM annals.parked_events AS p WHERE p.build = c.build AND state <> 'discarded')::int
        FROM annals.checkpoints AS c
        """)
}

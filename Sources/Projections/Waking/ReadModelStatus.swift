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
    /// How many streams wait behind an event that could not be applied; those of one id wait together and count once.
    package let parkedStreams: Int
    /// When it last came further.
    package let updatedAt: Timestamp
    /// Why its projector has given up; nil while none has.
    package let stoppedReason: String?
    /// Whether its tables were made from another log than the one that is there: its position says nothing then.
    package let hasDiverged: Bool
    /// Whether a projector keeps it current.
    package let isAttended: Bool
}

extension ReadModelStatus {
    /// What a read model's being behind or out of date comes down to.
    package enum State: String, Sendable {
        case current
        /// Its folder has changed since its tables were made.
        case stale
        /// Something is in the way of the next event; it is tried again.
        case failing
        /// Its projector has given up, until there are other tables or the process is started anew.
        case stopped
        /// No projector has its lease.
        case unattended
    }

    /// The gravest of what there is to say.
    package var state: State {
        if stoppedReason != nil { return .stopped }
        if failingAt != nil { return .failing }
        if !isAttended { return .unattended }
        return isStale ? .stale : .current
    }
}

extension ReadModelStatus {
    /// All models, as stored.
    package static func readAll(from pool: ConnectionPool) async throws -> [ReadModelStatus] {
        try await pool.query(.readCheckpoints).map(ReadModelStatus.init)
    }

    private init(_ row: Row) throws {
        self.init(
            model: try row.get(0), version: try row.get(1), position: try row.get(2), isStale: try row.get(3), failingAt: try row.get(4),
            parkedStreams: try row.get(6), updatedAt: Timestamp(milliseconds: try row.milliseconds(5)), stoppedReason: try row.get(7),
            hasDiverged: try row.get(8), isAttended: try row.get(9))
    }

    /// The same, further on.
    func at(_ position: Int64) -> ReadModelStatus {
        ReadModelStatus(
            model: model, version: version, position: position, isStale: isStale, failingAt: failingAt, parkedStreams: parkedStreams,
            updatedAt: updatedAt, stoppedReason: stoppedReason, hasDiverged: hasDiverged, isAttended: isAttended)
    }
}

extension Statement {
    fileprivate static let readCheckpoints = Statement(
        "read_checkpoints",
        """
        SELECT model, version, position, version <> folder_version, failing_at, updated_at,
            (SELECT count(DISTINCT stream_id) FROM annals.parked_events AS p WHERE p.build = c.build AND state <> 'discarded')::int,
            stopped_reason, has_diverged, coalesce(lease_expires_at > clock_timestamp(), false)
        FROM annals.checkpoints AS c
        """)
}

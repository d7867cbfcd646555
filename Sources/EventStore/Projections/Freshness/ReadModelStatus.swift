package import EventSourcing
package import Postgres

/// How a read model stands, as its checkpoint tells: visible to every process.
package struct ReadModelStatus: Sendable, Hashable {
    /// So long a model may stay where it is while the log goes on, in milliseconds.
    private static let patience: Int64 = 10_000

    package let model: String
    /// The digest of the version that is applied, in hexadecimal.
    package let version: String
    /// The position of the last event that its tables hold.
    package internal(set) var position: Int64
    /// Whether its folder has changed since: it is served and kept current as it was, until it is rebuilt.
    package internal(set) var isStale: Bool
    /// The event that can't be applied, while that lasts.
    package let failingAt: Int64?
    /// How many streams wait behind an event that could not be applied; those of one id wait together and count once.
    package let parkedStreams: Int
    /// When it last came further.
    package let updatedAt: Timestamp
    /// Why its projector has given up; nil while none has.
    package let stoppedReason: String?
    /// Whether its tables were made from another log than the one that is there: its position says nothing then.
    package let hasDiverged: Bool
    /// Events a second, over the last few heartbeats of its projector; 0 while none is at work.
    package let rate: Double
    /// The process whose projector keeps it current; nil when there is none.
    package let leaseHolder: String?
    /// The number of its tables: another build's have another.
    package let build: Int64
    /// Rises with each holder of its lease, and whenever others than its projector have written to its tables.
    package let leaseToken: Int64
    /// Whether a standby says all this.
    let isOnStandby: Bool

    /// The gravest of what there is to say, as far as the read database knows.
    package var state: ReadModelState { state(firstWaiting: nil, at: updatedAt) }

    /// The gravest of what there is to say.
    /// - Parameter firstWaiting: when the log took the first event that the tables lack; nil when they have all.
    package func state(firstWaiting: Timestamp?, at now: Timestamp) -> ReadModelState {
        if stoppedReason != nil { return .stopped }
        if failingAt != nil { return .failing }
        if leaseHolder == nil { return .unattended }
        if let firstWaiting, now.milliseconds - max(firstWaiting, updatedAt).milliseconds >= Self.patience { return .behind }
        return isStale ? .stale : .current
    }

    /// The same beside a folder as it is now: it may have changed since a projector has read it.
    package func beside(folderVersion: String) -> ReadModelStatus {
        var status = self
        status.isStale = version != folderVersion
        return status
    }

    /// The same, further on.
    func at(_ position: Int64) -> ReadModelStatus {
        var status = self
        status.position = position
        return status
    }
}

extension ReadModelStatus {
    /// All models, as stored, in the order of their names.
    package static func readAll(from pool: ConnectionPool) async throws -> [ReadModelStatus] {
        try await pool.query(.readStatuses).map(ReadModelStatus.init)
    }

    private init(_ row: Row) throws {
        self.init(
            model: try row.get(0), version: try row.get(1), position: try row.get(2), isStale: try row.get(3), failingAt: try row.get(4),
            parkedStreams: try row.get(6), updatedAt: Timestamp(milliseconds: try row.milliseconds(5)), stoppedReason: try row.get(7),
            hasDiverged: try row.get(8), rate: try row.get(9), leaseHolder: try row.get(10),
            build: try row.get(11), leaseToken: try row.get(12), isOnStandby: try row.get(13))
    }
}

/// The state of a read model in a word.
package enum ReadModelState: String, Sendable {
    case current
    /// Its folder has changed since its tables were made.
    case stale
    /// The log has gone on, and for 10 s it has not.
    case behind
    /// Something is in the way of the next event; it is tried again.
    case failing
    /// Its projector has given up, until there are other tables or the process is started anew.
    case stopped
    /// No projector has its lease.
    case unattended
    /// There is a folder and no tables: no projector has seen it yet.
    case unbuilt
    /// There are tables and no folder: nothing keeps them current.
    case orphaned
    /// Its folder is refused.
    case broken
}

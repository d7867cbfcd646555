import EventSourcing
import FoundationEssentials
import Postgres

/// The streams that wait in one build behind an event at fault: all those of its id. A post and its views are two streams that change the same rows,
/// so they keep their order.
struct ParkedStreams: Equatable {
    private(set) var ids: Set<UUID> = []
    /// Events that are left out of any stream: a verification folds without what the tables that it looks at lack.
    let leftOut: Set<Int64>

    init(_ ids: Set<UUID> = [], leavingOut leftOut: Set<Int64> = []) {
        self.ids = ids
        self.leftOut = leftOut
    }

    /// Streams of one id count once.
    var count: Int { ids.count }

    func contains(_ id: UUID) -> Bool { ids.contains(id) }

    func leavesOut(_ event: RecordedEvent) -> Bool { leftOut.contains(event.position) }

    mutating func park(_ id: UUID) { ids.insert(id) }

    mutating func release(_ released: Set<UUID>) { ids.subtract(released) }

    /// Those of a build as stored.
    static func read(_ build: Int64, from pool: ConnectionPool) async throws -> ParkedStreams {
        ParkedStreams(Set(try await pool.query(.readParkedIDs, [.int8(build)]).map { try $0.get(0, as: UUID.self) }))
    }
}

extension Statement {
    fileprivate static let readParkedIDs = Statement(
        "read_parked_ids", "SELECT DISTINCT stream_id FROM annals.parked_events WHERE build = $1 AND state <> 'discarded'")
}

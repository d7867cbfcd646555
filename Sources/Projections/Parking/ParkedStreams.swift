import EventSourcing
import Postgres

/// The streams of one build whose events wait behind one at fault.
struct ParkedStreams: Equatable {
    private(set) var streams: Set<StreamName> = []
    /// Events that are left out whatever their stream is: a verification folds without what the tables that it looks at lack.
    let leftOut: Set<Int64>

    init(_ streams: Set<StreamName> = [], leavingOut leftOut: Set<Int64> = []) {
        self.streams = streams
        self.leftOut = leftOut
    }

    var count: Int { streams.count }

    func contains(_ stream: StreamName) -> Bool { streams.contains(stream) }

    func leavesOut(_ event: RecordedEvent) -> Bool { leftOut.contains(event.position) }

    mutating func park(_ stream: StreamName) { streams.insert(stream) }

    mutating func release(_ released: Set<StreamName>) { streams.subtract(released) }

    /// Those of a build as stored.
    static func read(_ build: Int64, from pool: ConnectionPool) async throws -> ParkedStreams {
        let names = try await pool.query(.readParkedStreams, [.int8(build)]).map { try $0.get(0, as: String.self) }
        return ParkedStreams(Set(names.compactMap { StreamName($0) }))
    }
}

extension Statement {
    fileprivate static let readParkedStreams = Statement(
        "read_parked_streams", "SELECT DISTINCT stream FROM annals.parked_events WHERE build = $1 AND state <> 'discarded'")
}

package import EventSourcing
import FoundationEssentials
package import Logging
package import Postgres

/// The operator's view of parked events, and what an operator does about them.
package struct ParkedEvents: Sendable {
    let target: ConnectionTarget
    let store: any EventStore
    let catalog: EventCatalog
    let logger: Logger

    /// - Parameters:
    ///   - target: the read database with the projector's rights, not through a pooler.
    ///   - store: opens what is sealed.
    package init(_ target: ConnectionTarget, store: any EventStore, catalog: EventCatalog, logger: Logger) {
        self.target = target
        self.store = store
        self.catalog = catalog
        self.logger = logger
    }

    /// All of one model or of every model, in order. Discarded ones are among them.
    package static func list(_ model: String? = nil, in pool: ConnectionPool) async throws -> [ParkedEvent] {
        try await pool.query(.listParked, [.text(optional: model)]).map(ParkedEvent.init)
    }

    /// Applies what waits: all streams of a model, or one and those of its id. Each goes on until an event fails again.
    package func retry(_ model: String, stream: StreamName? = nil) async throws -> [ParkedStreamRetry.Outcome] {
        try await withModel(model) { retry in
            let streams = try await retry.streams()
            let wanted = if let stream { streams.filter { $0.id == stream.id } } else { streams }
            if let stream, wanted.isEmpty { throw ParkedEventsError.nothingParked("\(stream)") }
            var outcomes: [ParkedStreamRetry.Outcome] = []
            for stream in wanted { outcomes.append(try await retry.run(stream)) }
            return outcomes
        }
    }

    /// Leaves one parked event out of the live tables for good, and applies what waited behind it. A rebuild tries it again.
    package func discard(_ model: String, position: Int64) async throws -> ParkedStreamRetry.Outcome {
        try await withModel(model) { retry in
            guard let event = try await Self.list(model, in: retry.pool).first(where: { $0.position == position && $0.state != .discarded }) else {
                throw ParkedEventsError.nothingParked("position \(position)")
            }
            return try await retry.run(event.stream, discarding: position)
        }
    }

    private func withModel<T: Sendable>(_ model: String, _ body: (ParkedStreamRetry) async throws -> T) async throws -> T {
        try await ConnectionPool.withPool(target.forReadModel(model), logger: logger) { pool in
            guard let checkpoint = try await ProjectionCheckpoint.read(model, from: pool) else { throw ParkedEventsError.unknownModel(model) }
            let stored = try await ReadModel.stored(model, version: checkpoint.version, catalog: catalog, in: pool)
            let build = Build(number: checkpoint.build, model: stored, version: checkpoint.version)
            return try await body(ParkedStreamRetry(build: build, pool: pool, store: store))
        }
    }
}

/// Why an operator's call can't be done.
package enum ParkedEventsError: Error, Equatable, CustomStringConvertible {
    case unknownModel(String)
    case nothingParked(String)
    case rebuilt(String)

    package var description: String {
        switch self {
        case .unknownModel(let model): "there is no read model \(model)"
        case .nothingParked(let what): "nothing is parked at \(what)"
        case .rebuilt(let model): "\(model) was rebuilt meanwhile; what was parked has been tried anew"
        }
    }
}

extension Statement {
    fileprivate static let listParked = Statement(
        "list_parked",
        """
        SELECT c.model, p.position, p.stream, p.type, p.state, p.sqlstate, p.violated, p.parked_at
        FROM annals.checkpoints AS c JOIN annals.parked_events AS p USING (build)
        WHERE c.model = $1::text OR $1::text IS NULL ORDER BY c.model, p.position
        """)
}

/// An event that the live tables of a read model lack.
package struct ParkedEvent: Sendable, Hashable {
    package enum State: String, Sendable {
        /// It could not be applied.
        case failed
        /// It comes after one of its stream, or of another of the same id, that failed.
        case waiting
        /// It is left out for good, by an operator or because the person behind its stream is gone.
        case discarded
    }

    package let model: String
    package let position: Int64
    package let stream: StreamName
    package let type: String
    package let state: State
    /// Of the failure; nil when nothing was tried, or when the event's data is not what its type says.
    package let sqlState: String?
    /// The constraint that was violated, or why something sealed did not open (`UnopenedReason`).
    package let cause: String?
    package let since: Timestamp

}

extension ParkedEvent {
    init(_ row: Row) throws {
        let stream = try row.get(2, as: String.self)
        guard let name = StreamName(stream), let state = State(rawValue: try row.get(4)) else {
            throw EventStoreError.broken(reason: "a parked event is of no stream: \(stream)")
        }
        self.init(
            model: try row.get(0), position: try row.get(1), stream: name, type: try row.get(3), state: state, sqlState: try row.get(5),
            cause: try row.get(6), since: Timestamp(milliseconds: try row.milliseconds(7)))
    }
}

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

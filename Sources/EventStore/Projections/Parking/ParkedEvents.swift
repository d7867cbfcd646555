package import EventSourcing
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

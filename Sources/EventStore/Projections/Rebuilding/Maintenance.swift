package import EventSourcing
package import Logging
package import Postgres

/// Work on whole read models: rebuilding, verifying, rolling back. One at a time for each model, in whichever process.
package struct Maintenance: Sendable {
    let target: ConnectionTarget
    let feed: EventFeed
    /// Rebuilds of several models at once share what they read.
    let throttle = FoldThrottle()
    let store: any EventStore
    let catalog: EventCatalog
    let readers: [Statement]
    let logger: Logger

    /// - Parameters:
    ///   - target: the read database with the projector's rights, not through a pooler.
    ///   - store: opens what is sealed; must not filter.
    ///   - readers: the statements of those who query the live tables. Tables that one of them can't be prepared against don't go live.
    package init(_ target: ConnectionTarget, store: any EventStore, catalog: EventCatalog, readers: [Statement], logger: Logger) {
        self.target = target
        self.store = store
        self.catalog = catalog
        self.readers = readers
        self.logger = logger
        feed = EventFeed(store)
    }

    /// Runs `body` while no other maintenance of the model goes on; what an earlier one left behind is removed first.
    ///
    /// The lock is one of the session: the server frees it when this process dies.
    func exclusively<T: Sendable>(_ model: String, _ body: (ConnectionPool, ProjectionCheckpoint) async throws -> T) async throws -> T {
        try await feed.keepingBriefly {
            try await ConnectionPool.withPool(target, limits: .maintenance(workers: 1), logger: logger) { pool in
                try await pool.withSession { session in
                    guard try await isLocked(model, by: session) else { throw MaintenanceError.busy(model) }
                    guard let checkpoint = try await ProjectionCheckpoint.read(model, from: pool) else { throw MaintenanceError.unbuilt(model) }
                    try await OfflineBuild.dropLeftovers(of: model, in: pool)
                    do {
                        let value = try await body(pool, checkpoint)
                        try await OfflineBuild.dropLeftovers(of: model, in: pool)
                        return value
                    } catch EventStoreError.rewritten {
                        await tidyUp(model, pool)
                        throw MaintenanceError.logRewritten(model)
                    } catch {
                        await tidyUp(model, pool)
                        throw error
                    }
                }
            }
        }
    }

    /// Asks for a few seconds: `LeftoverRemoval` has the lock for a moment, and so has a maintenance whose process has ended just now.
    private func isLocked(_ model: String, by session: Session) async throws -> Bool {
        for _ in 1...50 {
            if try await session.query(.lockMaintenance, [.text(model)])[0].get(0) { return true }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...150)))
        }
        return false
    }

    /// After a failure, whose error is the one to tell. What can't be removed now, as when this task was cancelled, is removed by `LeftoverRemoval`
    /// or the next maintenance.
    private func tidyUp(_ model: String, _ pool: ConnectionPool) async {
        do {
            try await OfflineBuild.dropLeftovers(of: model, in: pool)
        } catch {
            logger.debug("the unfinished tables are left behind", metadata: ["model": "\(model)", "reason": "\(error)"])
        }
    }
}

/// Why maintenance is refused or given up. The live tables are as they were.
package enum MaintenanceError: Error, Equatable, CustomStringConvertible {
    case busy(String)
    case unbuilt(String)
    case nothingKept(String)
    /// A query could not be prepared against the tables.
    case readerBroken(model: String, statement: String, reason: String)
    /// So many streams failed that the statements must be wrong.
    case tooManyParked(String)
    case logRewritten(String)
    /// Somebody else has held rows of the tables that are being made.
    case heldUp(model: String, position: Int64)
    /// Parked events were retried or discarded again and again while the model was verified.
    case unsettled(String)
    /// Queries hold the tables.
    case tablesInUse(String)
    /// A projector keeps tables current that were to be removed.
    case attended(String)

    package var description: String {
        switch self {
        case .busy(let model): "\(model) is being rebuilt, verified or rolled back already"
        case .unbuilt(let model): "\(model) has no tables yet; a running system makes them"
        case .nothingKept(let model): "there are no previous tables of \(model)"
        case .readerBroken(let model, let statement, let reason): "the query \(statement) does not work with these tables of \(model): \(reason)"
        case .tooManyParked(let last): "more than 20 streams failed within a minute, the last at position \(last)"
        case .logRewritten(let model):
            "the log no longer holds the event that these tables of \(model) ended with: it was restored to an older state, or is another log"
        case .heldUp(let model, let position):
            "somebody holds rows of the tables of \(model) that are being made; position \(position) could not be applied"
        case .unsettled(let model): "what is parked of \(model) was changed again and again while it was verified; try again when that has ended"
        case .tablesInUse(let model): "the tables of \(model) are in use by long queries; try again when those have ended"
        case .attended(let model): "a projector keeps \(model) current: stop the processes that were started with its folder"
        }
    }
}

extension PoolLimits {
    /// For one maintenance: a connection a worker, one to hold a lock and one to compare. Making an index may take any time.
    static func maintenance(workers: Int) -> PoolLimits {
        var limits = PoolLimits()
        limits.maximumConnections = workers + 3
        limits.multiplexedConnections = workers
        limits.statementTimeout = nil
        return limits
    }
}

extension Statement {
    fileprivate static let lockMaintenance = Statement(
        "lock_maintenance", "SELECT pg_try_advisory_lock(hashtextextended('annals.maintenance.' || $1, 0))")
}

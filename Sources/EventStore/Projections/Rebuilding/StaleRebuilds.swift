import EventSourcing
package import Logging
package import Postgres

/// Rebuilds read models until each one's live tables are those of its folder.
package struct StaleRebuilds: Sendable {
    private static let longestPause = Duration.seconds(600)

    private let models: [ReadModel]
    private let maintenance: Maintenance
    private let pool: ConnectionPool
    private let logger: Logger
    private let firstPause: Duration

    /// - Parameters:
    ///   - models: as their folders have them.
    ///   - pool: the read database with the projector's rights; the caller runs it.
    ///   - firstPause: between the first tries; later ones are twice as long each time, up to ten minutes.
    package init(of models: [ReadModel], _ maintenance: Maintenance, pool: ConnectionPool, firstPause: Duration = .seconds(1), logger: Logger) {
        self.models = models
        self.maintenance = maintenance
        self.pool = pool
        self.firstPause = firstPause
        self.logger = logger
    }

    /// Returns when none is stale. What can't be rebuilt now stays as it was, is served, and is tried again. Throws `CancellationError`.
    package func run() async throws {
        var backoff = Backoff(from: firstPause, to: Self.longestPause)
        var waiting = models
        while true {
            var left: [ReadModel] = []
            for model in waiting where try await !isCurrent(model) { left.append(model) }
            waiting = left
            if waiting.isEmpty { return }
            try await Task.sleep(for: backoff.next())
        }
    }

    /// Whether the live tables are those of the folder, after a try to make them so.
    private func isCurrent(_ model: ReadModel) async throws -> Bool {
        do {
            // Compared with the tables themselves, since what the checkpoint knows of the folder may be older. Before there are tables a projector
            // makes them.
            guard let live = try await ProjectionCheckpoint.read(model.name, from: pool) else { return false }
            if try await live.version == model.version(by: pool) { return true }
            let report = try await maintenance.rebuild(model)
            logger.notice("rebuilt a stale read model", metadata: ["model": "\(model.name)", "position": "\(report.position)"])
            return true
        } catch {
            try Task.checkCancellation()
            logger.error("a stale read model could not be rebuilt", metadata: ["model": "\(model.name)", "reason": "\(error)"])
            return false
        }
    }
}

/// Drops the tables that killed or cancelled maintenance has left, since those may be large and the next maintenance of their model far away. At the
/// start and then from time to time.
struct LeftoverRemoval: Sendable {
    private static let interval = Duration.seconds(30)

    private let pool: ConnectionPool
    private let logger: Logger

    /// - Parameter pool: the read database with the projector's rights; the caller runs it.
    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Looks until cancelled.
    func run() async throws {
        while true {
            do {
                try await removeAll()
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("what maintenance has left could not be removed", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: Self.interval)
        }
    }

    /// Leaves alone what belongs to maintenance that goes on.
    func removeAll() async throws {
        for row in try await pool.query(.modelsWithLeftovers) {
            let model: String = try row.get(0)
            let dropped = try await pool.withTransaction { session in
                try await session.query(.lockLeftovers, [.text(model)])[0].get(0) ? try await session.query(.dropLeftovers, [.text(model)]).count : 0
            }
            if dropped > 0 { logger.notice("dropped tables that an interrupted maintenance has left", metadata: ["model": "\(model)"]) }
        }
    }
}

extension Statement {
    fileprivate static let modelsWithLeftovers = Statement(
        "models_with_leftovers", "SELECT DISTINCT model FROM annals.builds WHERE purpose <> 'previous' ORDER BY model")
    /// The lock of `Maintenance`, until the end of the transaction.
    fileprivate static let lockLeftovers = Statement(
        "lock_leftovers", "SELECT pg_try_advisory_xact_lock(hashtextextended('annals.maintenance.' || $1, 0))")
    static let dropLeftovers = Statement(
        "drop_leftovers", "SELECT annals.drop_build(build) FROM annals.builds WHERE model = $1 AND purpose <> 'previous'")
}

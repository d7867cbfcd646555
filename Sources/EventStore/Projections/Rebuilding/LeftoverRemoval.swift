import Logging
import Postgres

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
    fileprivate static let dropLeftovers = Statement(
        "drop_leftovers", "SELECT annals.drop_build(build) FROM annals.builds WHERE model = $1 AND purpose <> 'previous'")
}

import Logging
import Postgres
import TestSupport

/// A pool on a database of the test's own.
func withPool<T: Sendable>(multiplexed: Int = 2, _ change: (inout PoolLimits) -> Void = { _ in }, _ body: (ConnectionPool) async throws -> T)
    async throws -> T
{
    var limits = PoolLimits.patient
    limits.multiplexedConnections = multiplexed
    change(&limits)
    return try await TestCluster.withDatabase { target in
        try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger, body)
    }
}

extension Statement {
    static let reciprocal = Statement("reciprocal", "SELECT 1000 / $1")
    static let lock = Statement("lock", "SELECT pg_advisory_lock(1)")
    static let unlock = Statement("unlock", "SELECT pg_advisory_unlock(1)")
    static let lockAndUnlock = Statement("lock_and_unlock", "SELECT pg_advisory_xact_lock(1)")
    static let waitingForLock = Statement(
        "waiting",
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    static let echo = Statement("echo", "SELECT $1")
}

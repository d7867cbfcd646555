import Logging
import Postgres
import TestSupport

/// A pool on a database of the test's own.
func withPool<T: Sendable>(multiplexed: Int = 2, _ change: (inout PoolLimits) -> Void = { _ in }, _ body: (ConnectionPool) async throws -> T)
    async throws -> T
{
    var limits = PoolLimits()
    limits.multiplexedConnections = multiplexed
    change(&limits)
    return try await TestCluster.withDatabase { target in
        try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger, body)
    }
}

extension Statement {
    static let echo = Statement("echo", "SELECT $1")
}

package import Logging

extension ConnectionPool {
    /// A pool that lives as long as `body`: for operator's commands and tests.
    package static func withPool<T: Sendable>(
        _ target: ConnectionTarget, limits: PoolLimits = PoolLimits(), logger: Logger, _ body: (ConnectionPool) async throws -> T
    ) async throws -> T {
        let pool = ConnectionPool(target, limits: limits, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            do {
                let value = try await body(pool)
                group.cancelAll()
                try await group.waitForAll()
                return value
            } catch {
                group.cancelAll()
                throw error
            }
        }
    }

    /// A transaction of which nothing is kept.
    func rollingBack<T>(_ body: (Session) async throws -> T) async throws -> T {
        var value: T?
        do {
            try await withTransaction { session in
                value = try await body(session)
                throw KeepNothing()
            }
        } catch is KeepNothing {}
        guard let value else { throw PostgresError(.cancelled, "the transaction ended early") }
        return value
    }
}

private struct KeepNothing: Error {}

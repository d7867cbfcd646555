package import Postgres
import TestSupport

/// The row that appends take turns on, held by a test: whatever is sent meanwhile waits.
package struct AppendLock {
    private let pool: ConnectionPool

    /// Runs `body` while nothing can be appended to the log, then lets go.
    package static func held<Value: Sendable>(in log: ConnectionTarget, _ body: (AppendLock) async throws -> Value) async throws -> Value {
        try await ConnectionPool.withPool(log, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { session in
                try await session.execute(script: "BEGIN; SELECT FROM log.append_lock FOR UPDATE")
                let value = try await body(AppendLock(pool: pool))
                try await session.execute(script: "COMMIT")
                return value
            }
        }
    }

    /// Returns once so many appends wait for it in the server.
    package func waitForAppends(_ count: Int) async throws {
        // On another connection: one in a transaction sees the server's activity as it was at its first look.
        try await eventually { try await pool.query(.waitingAppends).first?.get(0, as: Int.self) ?? 0 >= count }
    }
}

extension Statement {
    fileprivate static let waitingAppends = Statement(
        "waiting_appends", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
}

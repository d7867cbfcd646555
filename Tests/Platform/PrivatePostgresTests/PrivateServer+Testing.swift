import Postgres
import PrivatePostgres
import TestSupport
import Testing

extension PrivateServer {
    func execute(_ sql: String) async throws {
        try await ConnectionPool.withPool(#require(target(database: "postgres")), limits: .patient, logger: TestCluster.logger) {
            try await $0.query(Statement("execute", sql))
        }
    }

    /// The number that a query gives. Waits for the server as a pool does: a few queries may fail with the connections that were lost.
    func answer(_ sql: String) async throws -> Int {
        try await ConnectionPool.withPool(#require(target(database: "postgres")), limits: .patient, logger: TestCluster.logger) { pool in
            while true {
                do {
                    return try await pool.query(Statement("answer", sql))[0].get(0)
                } catch let error as PostgresError where error.isTransient {
                    try Task.checkCancellation()
                }
            }
        }
    }
}

/// Runs the server beside `body`, and no longer. Ends with the server's error when that gives up.
func running(_ server: PrivateServer, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
            try await server.run()
            return false
        }
        group.addTask {
            try await body()
            return true
        }
        while let isBody = try await group.next() {
            if isBody { group.cancelAll() }
        }
    }
}

import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A commit whose wait for the standby was cancelled` {
    private enum Way: String, CaseIterable {
        case query, group, transaction, script
    }

    @Test(arguments: Way.allCases) private func `fails, and its outcome is unknown`(way: Way) async throws {
        try await RestartableServer.with { server in
            let database = try await server.makeDatabase("numbers")
            try await ConnectionPool.withPool(database, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: "CREATE TABLE numbers (number int8)") }
                try await server.requireStandby(true)
                let error = try await withThrowingTaskGroup(of: PostgresError?.self) { group in
                    group.addTask {
                        do { try await write(by: way, to: pool) } catch let error as PostgresError { return error }
                        return nil
                    }
                    try await server.waitForCommits()
                    try await server.cancelCommits()
                    return try await group.next() ?? nil
                }
                #expect(error?.outcomeUnknown == true && error?.isTransient == true)
                #expect(error?.sqlState == .warning)
                // It has happened, and what follows on the connection is no part of it.
                #expect(try await pool.query(Statement("count", "SELECT count(*) FROM numbers"))[0].get(0, as: Int.self) == 1)
                try await server.requireStandby(false)
                try await write(by: way, to: pool)
            }
        }
    }

    private func write(by way: Way, to pool: ConnectionPool) async throws {
        let insert = Statement("insert", "INSERT INTO numbers VALUES (1)")
        switch way {
        case .query: try await pool.query(insert)
        case .group: try await pool.atomically([Query(insert)])
        case .transaction: try await pool.withTransaction { _ = try await $0.query(insert) }
        case .script: try await pool.withSession { try await $0.execute(script: "INSERT INTO numbers VALUES (1)") }
        }
    }
}

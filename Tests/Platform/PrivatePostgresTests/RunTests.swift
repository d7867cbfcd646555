import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import PrivatePostgres

@Suite(.serialized, .timeLimit(.minutes(3))) struct `A private server that is run` {
    @Test func `answers again after it was killed`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg", .full) { server in
                let first = try #require(server.processID)
                try await running(server) {
                    try await execute("CREATE TABLE kept AS SELECT 42 AS answer", on: server)
                    await server.kill()
                    try await #expect(answer("SELECT answer FROM kept", of: server) == 42)
                }
                #expect(try #require(server.processID) != first)
            }
        }
    }

    @Test func `answers again when it was adopted and is killed`() async throws {
        try await withFolder { folder in
            let orphan = PrivateServer(directory: "\(folder)/pg", durability: .throwaway, logger: TestCluster.logger)
            try await orphan.start()
            let adopted = try #require(orphan.processID)
            orphan.letGo()
            try await withServer("\(folder)/pg") { server in
                #expect(server.processID == adopted)
                try await running(server) {
                    // Its parent is this process, which does not reap it: so it stays a dead process, as below a program that reaps nobody.
                    kill(adopted, SIGKILL)
                    // A connection it had may outlive it for a moment.
                    while try await answer("SELECT 1", of: server) == 1, server.processID == adopted { await Task.yield() }
                    try await #expect(answer("SELECT 42", of: server) == 42)
                }
            }
            waitpid(adopted, nil, 0)
        }
    }

    @Test func `stays down once it is stopped`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.run() }
                    await server.stop()
                    try await group.waitForAll()
                }
                #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            }
        }
    }

    @Test func `never outlives a stop that meets its restart`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await server.run() }
                    await server.kill()
                    await server.stop()
                    try await group.waitForAll()
                }
                #expect(server.processID == nil)
                #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            }
        }
    }

    @Test func `says why when it can't be started again`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                try Data("shared_buffers = 'nonsense'\n".utf8).write(to: URL(filePath: "\(folder)/pg/data/local.conf"))
                await server.kill()
                let error = await #expect(throws: PrivateServerError.self) { try await server.run() }
                guard case .failedToStart(let tail)? = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                #expect(tail.contains("shared_buffers"))
            }
        }
    }

    @Test func `goes on trying while the disk is full, and is up again when there is room`() async throws {
        try await withFolder { folder in
            let space = Mutex(Int64.max)
            let (looks, look) = AsyncStream.makeStream(of: Void.self)
            let server = PrivateServer(directory: "\(folder)/pg", durability: .throwaway, logger: TestCluster.logger) { _ in
                look.yield()
                return space.withLock { $0 }
            }
            try await server.start()
            try await running(server) {
                // A test can't fill the disk, so another fault keeps the server from starting.
                let settings = URL(filePath: "\(folder)/pg/data/local.conf")
                try Data("shared_buffers = 'nonsense'\n".utf8).write(to: settings)
                space.withLock { $0 = 0 }
                await server.kill()
                var seen = 0
                for await _ in looks {
                    seen += 1
                    // After any other cause it would have given up by now.
                    if seen == 7 { break }
                }
                try FileManager.default.removeItem(at: settings)
                space.withLock { $0 = .max }
                try await #expect(answer("SELECT 42", of: server) == 42)
            }
            await server.stop()
        }
    }

    @Test func `names the cause, not what a server says to its clients meanwhile`() {
        let tail = """
            2026-01-01 [1] FATAL:  the database system is not yet accepting connections
            2026-01-01 [1] DETAIL:  Consistent recovery state has not been yet reached.
            2026-01-01 [2] PANIC:  could not write to file "pg_wal/xlogtemp.2": No space left on device
            2026-01-01 [1] LOG:  shutting down due to startup process failure
            2026-01-01 [3] FATAL:  the database system is shutting down
            """
        #expect("\(PrivateServerError.failedToStart(logTail: tail))".contains("No space left on device"))
        #expect(PrivateServerError.failedToStart(logTail: tail).saysDiskIsFull)
        #expect(!PrivateServerError.cause(in: "a FATAL:  the database system is starting up\nb LOG:  the end").contains("starting up"))
    }

    /// Runs the server beside `body`, and no longer.
    private func running(_ server: PrivateServer, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            try await body()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func execute(_ sql: String, on server: PrivateServer) async throws {
        try await ConnectionPool.withPool(#require(server.target(database: "postgres")), logger: TestCluster.logger) {
            try await $0.query(Statement("execute", sql))
        }
    }

    /// Waits for the server as a pool does: a few queries may fail with the connections that were lost.
    private func answer(_ sql: String, of server: PrivateServer) async throws -> Int {
        var limits = PoolLimits()
        limits.acquireTimeout = .seconds(60)
        return try await ConnectionPool.withPool(#require(server.target(database: "postgres")), limits: limits, logger: TestCluster.logger) { pool in
            for _ in 0..<5 {
                do { return try await pool.query(Statement("answer", sql))[0].get(0) } catch let error as PostgresError { #expect(error.isTransient) }
            }
            return try await pool.query(Statement("answer", sql))[0].get(0)
        }
    }
}

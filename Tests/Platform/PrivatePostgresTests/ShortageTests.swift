import Foundation
import Postgres
import PrivatePostgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(3))) struct `A private server on a full disk` {
    /// On a small disk where this process may mount one, which takes root. Elsewhere a program stands before PostgreSQL that says on request what
    /// PostgreSQL says on a full disk; see the other test.
    @Test(.enabled(if: canMount, "mounting a small disk takes root; the test with a stand-in runs everywhere"))
    func `is tried until there is space, and says what it waits for`() async throws {
        try await withSmallDisk { disk in
            try await withServer("\(disk)/pg", .full) { server in
                try await execute("CREATE TABLE kept AS SELECT 42 AS answer", on: server)
                try await running(server) {
                    let filler = try fill(disk)
                    await server.kill()
                    try await waitForFailedStart(on: "\(disk)/pg")
                    unlink(filler)
                    try await #expect(answer("SELECT answer FROM kept", of: server) == 42)
                }
            }
        }
    }

    @Test(.enabled(if: canMount, "mounting a small disk takes root")) func `names the disk when it can't start on it at all`() async throws {
        try await withSmallDisk { disk in
            try await withServer("\(disk)/pg", .full) { _ in }
            let filler = try fill(disk)
            let server = PrivateServer(directory: "\(disk)/pg", durability: .full, logger: TestCluster.logger)
            let error = await #expect(throws: PrivateServerError.self) { try await server.start() }
            let line = String(describing: error)
            #expect(line.contains("o space"), "\(line)")
            unlink(filler)
            try await withServer("\(disk)/pg", .full) { server in try await #expect(answer("SELECT 1", of: server) == 1) }
        }
    }

    private static var canMount: Bool {
        geteuid() == 0 && system("t=$(mktemp -d) && mount -t tmpfs -o size=1m none $t 2>/dev/null && umount $t && rmdir $t") == 0
    }

    private func withSmallDisk(_ body: (String) async throws -> Void) async throws {
        try await withFolder { folder in
            try #require(system("mount -t tmpfs -o size=160m none \(folder)") == 0)
            defer { _ = system("umount -l \(folder)") }
            try await body(folder)
        }
    }

    /// A file that takes all the space there is.
    private func fill(_ disk: String) throws -> String {
        let path = "\(disk)/filler"
        _ = system("cat /dev/zero > \(path) 2>/dev/null")
        return path
    }

    private func waitForFailedStart(on directory: String) async throws {
        // The log is begun anew by each start, and has this line once one has failed.
        while true {
            let log = (try? String(contentsOfFile: "\(directory)/data/server.log", encoding: .utf8)) ?? ""
            if log.contains("No space left") || PrivateServer.locate(directory: directory) == nil && log.isEmpty { return }
            await Task.yield()
        }
    }

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

    private func answer(_ sql: String, of server: PrivateServer) async throws -> Int {
        try await ConnectionPool.withPool(#require(server.target(database: "postgres")), limits: .patient, logger: TestCluster.logger) { pool in
            while true {
                do { return try await pool.query(Statement("answer", sql))[0].get(0) } catch let error as PostgresError { #expect(error.isTransient) }
            }
        }
    }
}

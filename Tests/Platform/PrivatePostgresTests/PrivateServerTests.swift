import Foundation
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// One after the other: each runs a server of its own.
@Suite(.serialized, .timeLimit(.minutes(15))) struct `A private server` {
    private func number(_ target: ConnectionTarget?, _ sql: String = "SELECT 1") async throws -> Int {
        try await ConnectionPool.withPool(#require(target), limits: .patient, logger: TestCluster.logger) {
            try await $0.query(Statement("number", sql))[0].get(0)
        }
    }

    @Test func `starts, keeps its data over a stop, and listens on no network`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { server in
                let target = try #require(server.target(database: "postgres"))
                try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                    try await pool.query(Statement("make", "CREATE TABLE kept AS SELECT 42 AS answer"))
                    let settings = Statement(
                        "settings",
                        """
                        SELECT concat_ws(' ', current_setting('listen_addresses'), current_setting('server_encoding'), current_setting('data_checksums'),
                                         current_setting('log_min_error_statement'), current_setting('log_error_verbosity'))
                        """)
                    try await #expect(pool.query(settings)[0].get(0) == " UTF8 on panic terse")
                }
                #expect(PrivateServer.locate(directory: "\(folder)/pg")?.target(database: "x").redacted == server.target(database: "x")?.redacted)
            }
            #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            try await withServer("\(folder)/pg") { server in
                try await #expect(number(server.target(database: "postgres"), "SELECT answer FROM kept") == 42)
            }
        }
    }

    @Test func `comes back with everything acknowledged after being killed, and pools with it`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg", .full) { server in
                let target = try #require(server.target(database: "postgres"))
                try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                    try await pool.query(Statement("make", "CREATE TABLE kept AS SELECT 42 AS answer"))
                    await server.kill()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask {
                            // A child of the killed server may answer a last time. Then a query for each lost connection may fail, and those after
                            // them wait for the server.
                            try await eventually {
                                let isBack = server.processID != nil
                                do {
                                    let answer = try await pool.query(Statement("read", "SELECT answer FROM kept"))[0].get(0, as: Int.self)
                                    #expect(answer == 42)
                                    return isBack
                                } catch let error as PostgresError where error.isTransient {
                                    return false
                                }
                            }
                        }
                        try await server.start()
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test func `starts over the socket lock of a killed server, even when its process id is in use`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { _ in }
            // The traces of a killed server. Another server of the same account stands for the process that has its id now, or for a dead process
            // that nobody reaps: PostgreSQL can't tell them from a server on this socket.
            let own = try await TestCluster.shared.target(database: "postgres")
            let other = try await ConnectionPool.withPool(own, limits: .patient, logger: TestCluster.logger) {
                try await $0.query(Statement("postmaster", "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)"))[0].get(
                    0, as: String.self)
            }
            try Data("\(other)\n\(folder)/pg/data\n0\n5432\n\(folder)/pg/socket\n".utf8).write(
                to: URL(filePath: "\(folder)/pg/socket/.s.PGSQL.5432.lock"))
            try await withServer("\(folder)/pg") { server in
                try await #expect(number(server.target(database: "postgres")) == 1)
            }
        }
    }

    @Test func `holds none of its program's files open`() async throws {
        try await withFolder { folder in
            var ends: [Int32] = [-1, -1]
            #expect(pipe(&ends) == 0)
            defer { close(ends[0]) }
            try await withServer("\(folder)/pg") { _ in
                close(ends[1])
                // The end of the pipe comes although the server runs on: it has no copy of the other end.
                var byte: UInt8 = 0
                #expect(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
                try await eventually { read(ends[0], &byte, 1) == 0 }
            }
        }
    }

    @Test func `is adopted by the next program when its own is killed`() async throws {
        try await withFolder { folder in
            let held = try #require(try await orphan("\(folder)/pg"))
            try await withServer("\(folder)/pg") { server in
                try await #expect(number(server.target(database: "postgres"), "SELECT \(held)::int") == Int(held))
                #expect(server.processID == held)
            }
            #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
        }
    }

    private func orphan(_ directory: String) async throws -> Int32? {
        let server = PrivateServer(directory: directory, durability: .throwaway, logger: TestCluster.logger)
        try await server.start()
        let pid = server.processID
        server.letGo()
        return pid
    }

    @Test(arguments: [false, true]) func `leaves another program in its folder alone, even one its stale pid file names`(isNamed: Bool) async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { _ in }
            let bystander = try ChildProgram(["/bin/sleep", "3600"], directory: "\(folder)/pg/data")
            defer { bystander.kill() }
            if isNamed {
                let stale = "\(bystander.processIdentifier)\n\(folder)/pg/data\n0\n5432\n\(folder)/pg/socket\n"
                try Data(stale.utf8).write(to: URL(filePath: "\(folder)/pg/data/postmaster.pid"))
                #expect(PrivateServer.locate(directory: "\(folder)/pg") == nil)
            }
            try await withServer("\(folder)/pg") { server in
                #expect(server.processID != bystander.processIdentifier)
                try await #expect(number(server.target(database: "postgres")) == 1)
            }
            #expect(bystander.isRunning)
        }
    }

    @Test func `refuses a second program on its folder and says who holds it`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { _ in
                let second = PrivateServer(directory: "\(folder)/pg", logger: TestCluster.logger)
                await #expect(throws: PrivateServerError.inUse(pid: ProcessInfo.processInfo.processIdentifier)) { try await second.start() }
            }
        }
    }

    @Test func `says which folder it can't use`() async throws {
        try await withFolder { folder in
            try Data().write(to: URL(filePath: "\(folder)/file"))
            let server = PrivateServer(directory: "\(folder)/file/pg", logger: TestCluster.logger)
            await #expect(throws: PrivateServerError.folderUnwritable("\(folder)/file/pg")) { try await server.start() }
        }
    }

    @Test func `shows the end of its log when it can't start`() async throws {
        try await withFolder { folder in
            try await withServer("\(folder)/pg") { _ in }
            try Data("shared_buffers = 'nonsense'\n".utf8).write(to: URL(filePath: "\(folder)/pg/data/local.conf"))
            let server = PrivateServer(directory: "\(folder)/pg", logger: TestCluster.logger)
            let error = await #expect(throws: PrivateServerError.self) { try await server.start() }
            guard case .failedToStart(let tail)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(tail.contains("shared_buffers"))
        }
    }

    @Test func `takes a short folder for its socket below a long path`() async throws {
        try await withFolder { folder in
            let deep = folder + "/" + String(repeating: "deep/", count: 20) + "pg"
            try await withServer(deep) { server in
                try await #expect(number(server.target(database: "postgres")) == 1)
                try await #expect(number(PrivateServer.locate(directory: deep)?.target(database: "postgres")) == 1)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `runs below a folder closed to others, though not as root`() async throws {
        try await withFolder { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
            try await withServer("\(folder)/pg") { server in
                try await #expect(number(server.target(database: "postgres")) == 1)
                let pid = try #require(server.processID)
                let owner = try FileManager.default.attributesOfItem(atPath: "/proc/\(pid)")[.ownerAccountID] as? Int
                #expect(owner != 0)
            }
        }
    }
}

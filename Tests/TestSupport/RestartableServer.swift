import Glibc
package import Postgres
import PrivatePostgres

/// A PostgreSQL server of one test's own, which the test may stop and start again. Gone after the test, and with the test process however that ends.
package final class RestartableServer: Sendable {
    private let server: PrivateServer
    private let directory: String

    private init(_ server: PrivateServer, in directory: String) {
        self.server = server
        self.directory = directory
    }

    package static func with(_ body: (RestartableServer) async throws -> Void) async throws {
        // Not in a deep folder: the server's socket then lies in it, and in the same place after each start.
        var template = Array("/tmp/annals-restart-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PrivateServerError.folderUnwritable("/tmp") }
        let directory = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        // Acknowledged commits must be there after a crash.
        let server = PrivateServer(directory: directory, durability: .full, logger: TestCluster.logger)
        do {
            try await server.start()
            try Watchdog.guardCluster(in: directory)
            try await body(RestartableServer(server, in: directory))
            await server.stop(within: .seconds(5))
        } catch {
            await server.stop(within: .seconds(5))
            throw error
        }
    }

    /// A new database with these migrations, as its owner reaches it.
    package func makeDatabase(_ name: String, migrations: String? = nil) async throws -> ConnectionTarget {
        try await administer { pool in try await pool.withSession { try await $0.execute(script: "CREATE DATABASE \(name)") } }
        let database = try administration.database(name)
        if let migrations { _ = try await Migrator(directory: migrations, logger: TestCluster.logger).migrate(database) }
        return database
    }

    /// Has commits wait for a standby, which there is none, or lets them go on without.
    package func requireStandby(_ isRequired: Bool) async throws {
        try await administer { pool in
            try await pool.withSession { try await $0.execute(script: "ALTER SYSTEM SET synchronous_standby_names = '\(isRequired ? "none" : "")'") }
            try await pool.query(Statement("reload", "SELECT pg_reload_conf()"))
            let expected = isRequired ? "none" : ""
            try await eventually {
                try await pool.query(Statement("names", "SELECT current_setting('synchronous_standby_names')"))[0].get(0) == expected
            }
        }
    }

    /// Returns once so many commits wait for a standby.
    package func waitForCommits(_ count: Int = 1) async throws {
        try await administer { pool in try await eventually { try await pool.query(.waitingCommits).count == count } }
    }

    /// Cancels the wait of each commit, as an operator may who finds it hanging.
    package func cancelCommits() async throws {
        try await administer { pool in
            for row in try await pool.query(.waitingCommits) { try await pool.query(.cancel, [.int4(row.get(0))]) }
        }
    }

    /// Has all its processes stand still; their connections stay.
    package func pause() async throws { try await ProcessFamily(in: directory).stop() }

    package func resume() { ProcessFamily(in: directory).resume() }

    private var administration: ConnectionTarget {
        get throws {
            guard let target = server.target(database: "postgres") else { throw PrivateServerError.failedToStart(logTail: "it is gone") }
            return target
        }
    }

    private func administer(_ body: (ConnectionPool) async throws -> Void) async throws {
        try await ConnectionPool.withPool(administration, limits: .patient, logger: TestCluster.logger, body)
    }

    /// Kills the server as a crash does, and starts it again.
    package func crash() async throws {
        await server.kill()
        try await server.start()
    }
}

extension Statement {
    fileprivate static let waitingCommits = Statement("waiting_commits", "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")

    fileprivate static let cancel = Statement("cancel", "SELECT pg_cancel_backend($1)")
}

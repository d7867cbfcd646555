import Glibc
package import Postgres
import PrivatePostgres

/// A PostgreSQL server of one test's own, which the test may stop and start again. Gone after the test, and with the test process however that ends.
package final class RestartableServer: Sendable {
    private let server: PrivateServer

    private init(_ server: PrivateServer) { self.server = server }

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
            try await body(RestartableServer(server))
            await server.stop(within: .seconds(5))
        } catch {
            await server.stop(within: .seconds(5))
            throw error
        }
    }

    /// A new database with these migrations, as its owner reaches it.
    package func makeDatabase(_ name: String, migrations: String) async throws -> ConnectionTarget {
        guard let administration = server.target(database: "postgres") else { throw PrivateServerError.failedToStart(logTail: "it is gone") }
        try await ConnectionPool.withPool(administration, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { try await $0.execute(script: "CREATE DATABASE \(name)") }
        }
        _ = try await Migrator(directory: migrations, logger: TestCluster.logger).migrate(administration.database(name))
        return administration.database(name)
    }

    /// Kills the server as a crash does, and starts it again.
    package func crash() async throws {
        await server.kill()
        try await server.start()
    }
}

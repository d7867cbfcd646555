import FoundationEssentials
import Glibc
package import Postgres
import PrivatePostgres

/// A PostgreSQL server of one test's own that keeps what it acknowledges, made to be crashed. Ends with the test, and with the test process however
/// that ends.
package final class DurableServer: Sendable {
    /// The log's database, as the superuser.
    package let log: ConnectionTarget
    private let server: PrivateServer

    private init(_ server: PrivateServer, log: ConnectionTarget) {
        self.server = server
        self.log = log
    }

    /// Runs `body` on a server with an empty log.
    package static func with(_ body: (DurableServer) async throws -> Void) async throws {
        var template = Array("\(temporaryFolder)/annals-fault-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PrivateServerError.folderUnwritable(temporaryFolder) }
        let directory = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        // An empty cluster is made without waiting for the disk, which takes ten times as long; all that is written into it later waits.
        let maker = PrivateServer(directory: directory, durability: .throwaway, logger: TestCluster.logger)
        try await maker.start()
        await maker.stop(within: .seconds(5))
        let server = PrivateServer(directory: directory, durability: .full, logger: TestCluster.logger)
        do {
            try await server.start()
            // It also removes the folder once the server is stopped.
            try Watchdog.guardCluster(in: directory)
            guard let target = server.target(database: "postgres") else { throw PrivateServerError.failedToStart(logTail: "it is gone") }
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: "CREATE DATABASE log") }
            }
            let log = target.database("log")
            _ = try await Migrator(directory: repositoryRoot + "/migrations/log", logger: TestCluster.logger).migrate(log)
            try await body(DurableServer(server, log: log))
            await server.stop(within: .seconds(5))
        } catch {
            await server.stop(within: .seconds(5))
            throw error
        }
    }

    /// Kills the postmaster and all its children at once with SIGKILL, as a crash of the machine's memory would, and starts the server again. What
    /// was only in
    /// shared memory is lost; what had been handed to the kernel is not, so this is no power failure.
    package func crash() async throws {
        guard let postmaster = server.processID else { throw PrivateServerError.failedToStart(logTail: "it is gone") }
        // A stopped postmaster starts no further child between the look and the kill.
        Glibc.kill(postmaster, SIGSTOP)
        try await eventually { (status(of: postmaster)?.first ?? "T") == "T" }
        for child in try children(of: postmaster) { Glibc.kill(child, SIGKILL) }
        await server.kill()
        try await server.start()
    }

    /// Ends some of the backends that serve the log, at least one if there is any; `isChosen` is asked once for each.
    package func terminateBackends(where isChosen: () -> Bool) async throws {
        try await ConnectionPool.withPool(log.database("postgres"), limits: .patient, logger: TestCluster.logger) { pool in
            let backends = try await pool.query(.backends).map { try $0.get(0, as: Int32.self) }
            let chosen = backends.filter { _ in isChosen() }
            try await pool.query(.terminate, [.int4s(chosen.isEmpty ? Array(backends.prefix(1)) : chosen)])
        }
    }

    private func children(of postmaster: pid_t) throws -> [pid_t] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.filter { parent(of: $0) == postmaster }
    }

    private func parent(of pid: pid_t) -> pid_t? { status(of: pid)?.dropFirst().first.flatMap { pid_t($0) } }

    /// From `/proc/<pid>/stat`, behind the name in brackets: state, parent, …
    private func status(of pid: pid_t) -> [Substring]? {
        guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return nil }
        let stat = String(decoding: bytes, as: UTF8.self)
        guard let name = stat.lastIndex(of: ")") else { return nil }
        return Array(stat[name...].split(separator: " ").dropFirst())
    }
}

extension Statement {
    fileprivate static let backends = Statement("backends", "SELECT pid FROM pg_stat_activity WHERE datname = 'log' ORDER BY pid")

    fileprivate static let terminate = Statement("terminate", "SELECT pg_terminate_backend(pid) FROM unnest($1) AS chosen (pid)")
}

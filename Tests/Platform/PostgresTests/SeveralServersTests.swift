import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct `A pool on several servers` {
    @Test(arguments: [
        ("host=a,b port=1,2", ["a:1", "b:2"]), ("host=a,b port=7", ["a:7", "b:7"]), ("host=a,b", ["a:5432", "b:5432"]),
        ("hostaddr=1.1.1.1,2.2.2.2 host=a,b port=1,", ["a:1", "b:5432"]), ("hostaddr=1.1.1.1,2.2.2.2", ["1.1.1.1:5432", "2.2.2.2:5432"]),
        ("host=a port=1", ["a:1"]), ("dbname=d", [":5432"]),
    ]) func `knows them as libpq does`(url: String, places: [String]) throws {
        let target = try ConnectionTarget(url: url)
        #expect(target.servers.map { "\($0.place.host):\($0.place.port)" } == places)
        #expect(target.at(target.servers).keywords == target.keywords || url.hasSuffix("port=7"))
    }

    @Test func `goes on to the next one when one takes the connection and says nothing`() async throws {
        try await TestCluster.withDatabase { database in
            let silent = try SilentSocket()
            var limits = PoolLimits.patient
            limits.connectTimeout = .seconds(4)
            let target = try both(silent.folder, database, then: database)
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                try await pool.query(Statement("one", "SELECT 1"))
            }
        }
    }

    @Test func `leaves one that stops to answer, and tells those who wait that the outcome is unknown`() async throws {
        try await TestCluster.withDatabase { database in
            try await RestartableServer.with { server in
                let first = try await server.makeDatabase("first").database(database.database)
                _ = try await server.makeDatabase(database.database)
                var limits = PoolLimits.patient
                limits.connectTimeout = .seconds(8)
                let target = try both(first.keywords["host"] ?? "", first, then: database)
                try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                    let folder = Statement("folder", "SELECT current_setting('unix_socket_directories')")
                    let before: String = try await pool.query(folder)[0].get(0)
                    #expect(first.keywords["host"].map { before.contains($0) } == true)
                    try await server.pause()
                    let error = await #expect(throws: PostgresError.self) { try await pool.query(folder) }
                    #expect(error?.kind == .connection && error?.outcomeUnknown == true)
                    let after: String = try await pool.query(folder)[0].get(0)
                    #expect(after != before)
                    server.resume()
                }
            }
        }
    }

    @Test func `leaves a connection alone whose statement takes long`() async throws {
        try await TestCluster.withDatabase { database in
            var limits = PoolLimits.patient
            limits.connectTimeout = .seconds(10)
            let target = try both(database.keywords["host"] ?? "", database, then: database)
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                // Longer than a server may be silent before it is asked whether it is there.
                try await pool.query(Statement("long", "SELECT pg_sleep(7)"))
            }
        }
    }

    /// The database at a folder's socket, or where the second target has it.
    private func both(_ folder: String, _ first: ConnectionTarget, then second: ConnectionTarget) throws -> ConnectionTarget {
        var target = second
        target.keywords["host"] = "\(folder),\(second.keywords["host"] ?? "")"
        target.keywords["port"] = "\(first.keywords["port"] ?? ""),\(second.keywords["port"] ?? "")"
        return target
    }
}

/// A socket that takes connections, as PostgreSQL's does, and never says a word.
private final class SilentSocket: Sendable {
    let folder: String
    private let descriptor: Int32

    init() throws {
        var template = Array("/tmp/annals-silent-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = "\(folder)/.s.PGSQL.5432"
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        try #require(bound == 0 && listen(descriptor, 64) == 0)
    }

    deinit {
        close(descriptor)
        unlink("\(folder)/.s.PGSQL.5432")
        rmdir(folder)
    }
}

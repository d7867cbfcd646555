import Logging
import Synchronization
import TestSupport
import Testing

@testable import Postgres

@Suite struct `A connection that can't be opened` {
    /// The error of a first query, for which the pool would wait a minute if that could help.
    private func failure(_ change: (inout ConnectionTarget) throws -> Void) async throws -> PostgresError {
        try await TestCluster.withDatabase { target in
            var target = target
            try change(&target)
            return try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try #require(await #expect(throws: PostgresError.self) { try await pool.query(Statement("one", "SELECT 1")) })
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func `for a missing database fails at once and says so`() async throws {
        let error = try await failure { $0.database = "nowhere" }
        #expect(error.kind == .connection && error.sqlState?.rawValue == "3D000" && error.isFinal)
        #expect(error.message.hasSuffix(#"FATAL: database "nowhere" does not exist"#))
        #expect("\(error)".contains(#"database "nowhere" does not exist"#))
        #expect(!error.message.contains("\n") && !error.message.contains("LOCATION") && !error.message.contains("3D000"))
    }

    @Test(.timeLimit(.minutes(1))) func `for a role that may not log in fails at once and says so`() async throws {
        let error = try await failure { $0.user = "stranger" }
        #expect(error.isFinal && error.sqlState?.classCode == "28" && error.message.contains(#"role "stranger" does not exist"#))
    }

    @Test func `for want of connections is worth waiting for, and is told in the server's words`() async throws {
        try await TestCluster.withDatabase { target in
            try await ConnectionPool.withPool(target, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: "CREATE ROLE crowd_\(target.database) LOGIN CONNECTION LIMIT 0") }
            }
            var crowded = target
            crowded.user = "crowd_\(target.database)"
            var limits = PoolLimits()
            limits.acquireTimeout = .milliseconds(100)
            let lines = Lines()
            let error = try await ConnectionPool.withPool(crowded, limits: limits, logger: lines.logger) { pool in
                try #require(await #expect(throws: PostgresError.self) { try await pool.query(Statement("one", "SELECT 1")) })
            }
            #expect(error.isTransient && !error.isFinal && error.sqlState == .tooManyConnections)
            #expect("\(error)".contains("too many connections for role"))
            #expect(lines.all.contains { $0.contains("too many connections for role") })
            try await ConnectionPool.withPool(target, logger: TestCluster.logger) { pool in
                try await pool.withSession { try await $0.execute(script: "DROP ROLE \(crowded.user)") }
            }
        }
    }

    @Test func `to a port where nobody listens is worth waiting for`() {
        let error = PostgresError(
            opening: """
                connection to server at "127.0.0.1", port 1 failed: Connection refused
                \tIs the server running on that host and accepting TCP/IP connections?

                """, needsPassword: false)
        #expect(error.isTransient && !error.isFinal)
        #expect(error.message.hasSuffix("Connection refused; Is the server running on that host and accepting TCP/IP connections?"))
    }

    @Test func `is final only when each of several hosts refuses`() {
        let refused = #"connection to server at "a", port 5432 failed: FATAL:  28P01: password authentication failed for user "ann""#
        let away = #"connection to server at "b", port 5432 failed: Connection refused"#
        #expect(PostgresError(opening: refused + "\nLOCATION:  auth_failed, auth.c:326\n", needsPassword: false).isFinal)
        #expect(!PostgresError(opening: refused + "\n" + away, needsPassword: false).isFinal)
        #expect(PostgresError(opening: refused + "\n" + refused, needsPassword: false).message.split(separator: "; ").count == 1)
        #expect(PostgresError(opening: "fe_sendauth: no password supplied", needsPassword: true).isFinal)
    }
}

/// The lines that were logged.
final class Lines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "lines") { _ in self } }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) { lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") } }

    func log(
        level: Logger.Level, message: Logger.Message, metadata: Logger.Metadata?, source: String, file: String, function: String, line: UInt
    ) {
        lines.withLock { $0.append("\(level) \(message) \(metadata ?? [:])") }
    }
}

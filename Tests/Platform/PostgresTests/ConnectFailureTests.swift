import TestSupport
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(15))) struct `A connection that can't be made` {
    @Test(
        arguments: [
            (
                "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user \"ann\"\nLOCATION:  auth_failed, auth.c:340\n",
                "28P01", "password authentication failed for user \"ann\""
            ),
            (
                "connection to server on socket \"/run/.s.PGSQL.5432\" failed: FATAL:  53300: sorry, too many clients already\nLOCATION:  InitProcess, proc.c:353\n",
                "53300", "sorry, too many clients already"
            ),
            (
                "connection to server at \"db\" (10.0.0.1), port 5432 failed: FATAL:  53300: remaining connection slots are reserved for roles: superuser\n",
                "53300",
                "remaining connection slots are reserved for roles: superuser"
            ),
            (
                "Verbindung zum Server auf »127.0.0.1«, Port 5432 fehlgeschlagen: FATAL:  3D000: Datenbank »x« existiert nicht\n", "3D000",
                "Datenbank »x« existiert nicht"
            ),
            (
                "connection to server at \"a\" (10.0.0.1), port 5432 failed: Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?\n",
                nil,
                "Connection refused"
            ),
            (
                "could not translate host name \"nowhere\" to address: Name or service not known\n", nil,
                "could not translate host name \"nowhere\" to address: Name or service not known"
            ),
            (
                "connection to server at \"a\", port 1 failed: Connection refused\nconnection to server at \"b\", port 1 failed: FATAL:  57P03: the database system is starting up\n",
                "57P03",
                "the database system is starting up"
            ),
            ("", nil, "no reason was given"),
        ] as [(String, String?, String)]) func `says why in the server's own words`(message: String, state: String?, reason: String)
    {
        let error = PostgresError(connectFailure: message)
        #expect(error.kind == .connection)
        #expect(error.sqlState?.rawValue == state)
        #expect(error.description == "PostgresError(connection: \(reason))")
    }

    @Test func `fails its callers at once when the database is not there`() async throws {
        let target = try await TestCluster.shared.target(database: "there_is_none")
        var limits = PoolLimits()
        // Longer than the test may take.
        limits.acquireTimeout = .seconds(3600)
        let error = await #expect(throws: PostgresError.self) {
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { try await $0.query(Statement("one", "SELECT 1")) }
        }
        #expect(error?.sqlState == .unknownDatabase)
        #expect(error?.isRefusedLogin == true)
        #expect(error?.connectReason == #"database "there_is_none" does not exist"#)
        // A pool that runs on tries again: the database may be made meanwhile.
        #expect(error?.isTransient == true)
    }

    @Test func `fails its callers at once when the server lets this account not in`() async throws {
        let target = try await TestCluster.shared.target(database: "postgres").login("a_stranger")
        var limits = PoolLimits()
        limits.acquireTimeout = .seconds(3600)
        let error = await #expect(throws: PostgresError.self) {
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { try await $0.query(Statement("one", "SELECT 1")) }
        }
        #expect(error?.sqlState?.classCode == "28")
        #expect(error?.description.contains("a_stranger") == true)
    }
}

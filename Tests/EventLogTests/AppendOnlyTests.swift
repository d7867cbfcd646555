import EventLog
import EventLogTesting
import LogContract
import Postgres
import Testing

@Suite struct `What is in the log stays` {
    @Test(arguments: [
        "UPDATE log.events SET type = 'Other'", "DELETE FROM log.events", "TRUNCATE log.events",
        "SET session_replication_role = replica; DELETE FROM log.events",
    ])
    func `even its owner can't change it`(sql: String) async throws {
        try await LogUnderTest.with { log in
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            let error = await #expect(throws: PostgresError.self) { try await log.run(sql) }
            #expect(error?.sqlState?.rawValue == "AN001")
            #expect(try await log.store.head() == 1)
        }
    }

    @Test(
        arguments: ["annals_commands", "annals_projector", "annals_auth", "annals_queries"],
        [
            "UPDATE log.events SET type = 'Other'", "DELETE FROM log.events", "TRUNCATE log.events",
            "INSERT INTO log.events SELECT 2, stream, 2, id, type, 1, data, metadata, recorded_at FROM log.events",
            "ALTER TABLE log.events DISABLE TRIGGER ALL", "DELETE FROM log.claims", "DELETE FROM log.commands",
            "SET session_replication_role = replica",
        ])
    func `no service may write past the append function`(role: String, sql: String) async throws {
        try await LogUnderTest.with { log in
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            let error = await #expect(throws: PostgresError.self) { try await log.run(sql, as: role) }
            #expect(error?.sqlState?.rawValue == "42501")
        }
    }

    @Test(arguments: ["annals_projector", "annals_auth", "annals_queries"]) func `only the command service may append`(role: String) async throws {
        try await LogUnderTest.with { log in
            let error = await #expect(throws: PostgresError.self) {
                try await log.run(
                    """
                    SELECT log.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')
                    """, as: role)
            }
            #expect(error?.sqlState?.rawValue == "42501")
        }
    }
}

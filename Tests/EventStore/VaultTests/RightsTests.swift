import EventSourcing
import FoundationEssentials
import Postgres
import Testing

@Suite(.timeLimit(.minutes(15))) struct `In the vault` {
    private static func expectRefusal(of sql: String, to role: String) async throws {
        try await VaultUnderTest.with { vault in
            try await vault.run(
                """
                INSERT INTO vault.data_keys (subject, wrapped) VALUES ('\(UUID.v7())', 'x');
                INSERT INTO vault.system_keys (name, wrapped) VALUES ('claims', 'x');
                """)
            let error = await #expect(throws: PostgresError.self) { try await vault.run(sql, as: role) }
            #expect(error?.sqlState?.rawValue == "42501")
        }
    }

    private static let insert = "INSERT INTO vault.data_keys (subject, wrapped) VALUES (gen_random_uuid(), 'x')"

    @Test(arguments: [
        insert, "UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now()", "DELETE FROM vault.data_keys",
        "SELECT wrapped FROM vault.system_keys", "INSERT INTO vault.system_keys (name, wrapped) VALUES ('x', 'x')",
    ])
    func `projectors only read data keys`(sql: String) async throws { try await Self.expectRefusal(of: sql, to: "annals_projector") }

    @Test(arguments: [insert, "SELECT subject FROM vault.data_keys", "SELECT name FROM vault.system_keys", "DELETE FROM vault.data_keys"])
    func `queries may do nothing`(sql: String) async throws { try await Self.expectRefusal(of: sql, to: "annals_queries") }

    @Test(arguments: [
        insert, "SELECT wrapped FROM vault.data_keys", "SELECT * FROM vault.data_keys",
        "UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now()", "UPDATE vault.data_keys SET wrapped = 'y'",
        "UPDATE vault.data_keys SET subject = gen_random_uuid()", "DELETE FROM vault.data_keys", "UPDATE vault.system_keys SET wrapped = 'y'",
    ])
    func `auth destroys keys and can't read them`(sql: String) async throws { try await Self.expectRefusal(of: sql, to: "annals_auth") }

    @Test(arguments: [
        "UPDATE vault.data_keys SET wrapped = 'y'", "UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now()", "DELETE FROM vault.data_keys",
        "TRUNCATE vault.data_keys", "UPDATE vault.system_keys SET wrapped = 'y'", "DELETE FROM vault.system_keys",
    ])
    func `commands make keys and never change one`(sql: String) async throws { try await Self.expectRefusal(of: sql, to: "annals_commands") }

    @Test(arguments: [
        "UPDATE vault.data_keys SET wrapped = 'y', destroyed_at = NULL", "UPDATE vault.data_keys SET destroyed_at = now()",
        "DELETE FROM vault.data_keys",
        "TRUNCATE vault.data_keys",
    ])
    func `not even the owner brings a destroyed key back or makes room for another`(sql: String) async throws {
        try await VaultUnderTest.with { vault in
            try await vault.run("INSERT INTO vault.data_keys (subject, destroyed_at) VALUES (gen_random_uuid(), now())")
            let error = await #expect(throws: PostgresError.self) { try await vault.run(sql) }
            #expect(error?.sqlState?.rawValue == "AN020")
        }
    }

    @Test(arguments: ["annals_commands", "annals_projector"]) func `commands and projectors read data keys`(role: String) async throws {
        try await VaultUnderTest.with { vault in try await vault.run("SELECT wrapped FROM vault.data_keys", as: role) }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `The old row of a destroyed key` {
    private static let wrapped = "the wrapped key of somebody"

    private static func isInFile(_ vault: VaultUnderTest) async throws -> Bool {
        try await vault.run("CHECKPOINT")
        let file = "pg_read_binary_file(pg_relation_filepath('vault.data_keys'))"
        return try await vault.value("SELECT position('\(wrapped)'::bytea IN \(file)) > 0") == "true"
    }

    @Test func `is vacuumed away without waiting for others`() async throws {
        try await VaultUnderTest.with { vault in
            let options = try await vault.value("SELECT reloptions FROM pg_class WHERE oid = 'vault.data_keys'::regclass")
            #expect(options == "{autovacuum_vacuum_threshold=0,autovacuum_vacuum_scale_factor=0}")
        }
    }

    @Test(.timeLimit(.minutes(15))) func `is in the table's file until that is made anew, as the operator can`() async throws {
        try await VaultUnderTest.with { vault in
            let subject = UUID.v7()
            // Autovacuum may come by at any moment.
            try await vault.run("ALTER TABLE vault.data_keys SET (autovacuum_enabled = false)")
            try await vault.run("INSERT INTO vault.data_keys (subject, wrapped) VALUES ('\(subject)', '\(Self.wrapped)')")
            try await vault.run("SELECT vault.destroy_key('\(subject)')")
            #expect(try await Self.isInFile(vault))
            // A reader at that moment, such as autovacuum's statistics, still has a right to the old row; it goes the next time.
            repeat { try await vault.run("VACUUM FULL vault.data_keys") } while try await Self.isInFile(vault)
            #expect(try await vault.value("SELECT destroyed_at IS NOT NULL FROM vault.data_keys") == "true")
        }
    }
}

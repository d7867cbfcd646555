import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A session's promises` {
    private let settings = [
        "default_transaction_isolation": ("'serializable'", "read committed"), "default_transaction_read_only": ("on", "off"),
        "default_transaction_deferrable": ("on", "off"), "synchronous_commit": ("off", "on"), "TimeZone": ("'Asia/Tokyo'", "UTC"),
        "DateStyle": ("'German'", "ISO, MDY"), "IntervalStyle": ("'sql_standard'", "postgres"), "bytea_output": ("'escape'", "hex"),
        "search_path": ("'elsewhere'", "\"$user\", public"), "array_nulls": ("off", "on"), "standard_conforming_strings": ("off", "on"),
        "session_replication_role": ("replica", "origin"), "lock_timeout": ("'300s'", "0"), "idle_session_timeout": ("'300s'", "0"),
        "idle_in_transaction_session_timeout": ("'300s'", "0"),
    ]

    @Test func `are kept whatever is set for the database`() async throws {
        try await TestCluster.withDatabase { target in
            try await set(settings.mapValues(\.0), for: target)
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                for (name, value) in settings {
                    let actual: String = try await pool.query(Statement("show", "SELECT current_setting($1)"), [.text(name)])[0].get(0)
                    #expect(actual == value.1, "\(name)")
                }
                try await pool.query(Statement("write", "CREATE TABLE written (number int)"))
            }
        }
    }

    @Test func `leave a statement that may take its time alone`() async throws {
        try await TestCluster.withDatabase { target in
            try await set(["statement_timeout": "'300s'"], for: target)
            var limits = PoolLimits.patient
            limits.statementTimeout = nil
            try await ConnectionPool.withPool(target, limits: limits, logger: TestCluster.logger) { pool in
                try await #expect(pool.query(Statement("show", "SHOW statement_timeout"))[0].get(0) == "0")
            }
        }
    }

    @Test(arguments: [("local", "on"), ("off", "on"), ("on", "on"), ("remote_write", "remote_write"), ("remote_apply", "remote_apply")])
    func `raise commits that do not wait for the disk, and leave those that wait for more`(set value: String, expected: String) async throws {
        try await TestCluster.withDatabase { target in
            try await set(["synchronous_commit": value], for: target)
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await #expect(pool.query(Statement("show", "SHOW synchronous_commit"))[0].get(0) == expected)
            }
        }
    }

    @Test func `give way to what its user asks for`() async throws {
        try await TestCluster.withDatabase { target in
            var target = target
            target.settings["synchronous_commit"] = "off"
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                try await #expect(pool.query(Statement("show", "SHOW synchronous_commit"))[0].get(0) == "off")
            }
        }
    }

    private func set(_ settings: [String: String], for target: ConnectionTarget) async throws {
        try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
            for (name, value) in settings {
                try await pool.withSession { try await $0.execute(script: "ALTER DATABASE \(target.database) SET \(name) = \(value)") }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A pool whose database can't write` {
    private let one = Statement("one", "SELECT 1")

    @Test(arguments: ["53100", "58030", "25006"]) func `says so until a write succeeds`(state: String) async throws {
        try await withRefusedWrites { pool, allow in
            // Nobody has failed to write so far, so nothing is tried.
            try await pool.confirmWrites()
            await #expect(throws: PostgresError.self) {
                try await pool.query(Statement("fail", "DO $$ BEGIN RAISE EXCEPTION 'as on a full disk' USING ERRCODE = '\(state)'; END $$"))
            }
            // Reads go on.
            try await pool.query(one)
            for _ in 0..<2 { await #expect(throws: PostgresError.self) { try await pool.confirmWrites() } }
            try await allow()
            try await pool.confirmWrites()
        }
    }

    @Test func `thinks nothing of errors that are the statement's own`() async throws {
        try await withRefusedWrites { pool, _ in
            await #expect(throws: PostgresError.self) { try await pool.query(Statement("divide", "SELECT 1 / 0")) }
            try await pool.confirmWrites()
        }
    }

    /// A pool whose attempts to write are refused until `allow` is called: its role may not do what they do. That stands for a disk that takes
    /// nothing.
    private func withRefusedWrites(_ body: (ConnectionPool, _ allow: () async throws -> Void) async throws -> Void) async throws {
        try await TestCluster.withDatabase { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { owner in
                try await owner.query(Statement("refuse", "REVOKE EXECUTE ON FUNCTION lo_from_bytea(oid, bytea) FROM PUBLIC"))
                var reader = target
                reader.role = "pg_monitor"
                try await ConnectionPool.withPool(reader, limits: .patient, logger: TestCluster.logger) { pool in
                    try await body(pool) {
                        try await owner.query(Statement("allow", "GRANT EXECUTE ON FUNCTION lo_from_bytea(oid, bytea) TO PUBLIC"))
                    }
                }
            }
        }
    }
}

import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `What is in the log stays` {
    @Test(arguments: [
        "UPDATE log.events SET type = 'Other'", "UPDATE log.events SET type = 'Other' WHERE false", "DELETE FROM log.events", "TRUNCATE log.events",
        "MERGE INTO log.events USING log.append_lock ON true WHEN MATCHED THEN DELETE",
        "INSERT INTO log.events SELECT * FROM log.events ON CONFLICT (position) DO UPDATE SET type = 'Other'",
    ])
    func `even its owner can't change it, as whatever the session calls itself`(sql: String) async throws {
        try await LogUnderTest.with { log in
            _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
            for role in ["origin", "replica", "local"] {
                let error = await #expect(throws: PostgresError.self) { try await log.run("SET session_replication_role = \(role); \(sql)") }
                #expect(error?.sqlState?.rawValue == "AN001")
            }
            #expect(try await log.store.read(after: 0, limit: 9).map(\.type) == ["Noted"])
        }
    }

    @Test(arguments: ["annals_commands", "annals_projector", "annals_auth", "annals_queries"])
    func `no service may write past the append function`(role: String) async throws {
        try await LogUnderTest.with { log in
            try await log.fill()
            let before = try await log.value(Self.everything)
            for (sql, state) in zip(Self.intrusions, try await log.states(of: Self.intrusions, as: role)) {
                #expect(state == .insufficientPrivilege, "\(sql)")
            }
            #expect(try await log.value(Self.everything) == before)
        }
    }

    @Test func `every intrusion is one that the owner could try`() async throws {
        try await LogUnderTest.with { log in
            try await log.fill()
            // A misspelt statement would be refused too, and prove nothing.
            for (sql, state) in zip(Self.intrusions, try await log.states(of: Self.intrusions.map { "BEGIN; \($0)" }, as: nil)) {
                #expect(state == nil || state?.rawValue == "AN001", "\(sql)")
            }
        }
    }

    @Test(arguments: ["annals_projector", "annals_auth", "annals_queries", "stranger"])
    func `only the command service may append`(role: String) async throws {
        try await LogUnderTest.with { log in
            try await log.run(
                "DO $$ BEGIN CREATE ROLE stranger; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; GRANT stranger TO CURRENT_USER"
            )
            // With the schema open to it, only the function's own rights are left to refuse.
            try await log.run("GRANT USAGE ON SCHEMA log TO \(role)")
            for function in try await log.value(Self.calls).split(separator: ";") {
                let error = await #expect(throws: PostgresError.self) { try await log.run("SELECT \(function)", as: role) }
                #expect(error?.sqlState?.rawValue == "42501")
            }
            #expect(try await log.store.head() == 0)
        }
    }

    @Test func `nobody but the command service has a right to run anything of the log's`() async throws {
        try await LogUnderTest.with { log in
            let grants = try await log.value(
                """
                SELECT string_agg(DISTINCT coalesce(grantee.rolname, 'PUBLIC'), ',')
                FROM pg_proc function
                JOIN LATERAL aclexplode(coalesce(function.proacl, acldefault('f', function.proowner))) AS granted ON true
                LEFT JOIN pg_roles grantee ON grantee.oid = granted.grantee
                WHERE function.pronamespace = 'log'::regnamespace AND function.prorettype <> 'trigger'::regtype AND granted.grantee <> function.proowner
                """)
            #expect(grants == "annals_commands")
        }
    }

    /// A call of each function of the log's that could be called, with no rows to append.
    private static let calls = """
        SELECT string_agg(format('%s(%s)', oid::regproc, (SELECT string_agg(format('NULL::%s', type::regtype), ',') FROM unnest(proargtypes) AS type)), ';')
        FROM pg_proc WHERE pronamespace = 'log'::regnamespace AND prorettype <> 'trigger'::regtype
        """

    /// All that the log holds, and how it is guarded, as one value.
    private static let everything = """
        SELECT md5(jsonb_build_array(
            (SELECT jsonb_agg(events) FROM log.events), (SELECT jsonb_agg(claims) FROM log.claims), (SELECT jsonb_agg(commands) FROM log.commands),
            (SELECT count(*) FROM log.append_lock), (SELECT jsonb_agg(tgenabled ORDER BY oid) FROM pg_trigger WHERE tgrelid = 'log.events'::regclass),
            (SELECT jsonb_agg(md5(prosrc) ORDER BY oid) FROM pg_proc WHERE pronamespace = 'log'::regnamespace))::text)
        """

    private static let intrusions =
        [
            "UPDATE log.events SET type = 'Other'", "DELETE FROM log.events", "TRUNCATE log.events",
            "INSERT INTO log.events SELECT 2, stream, 2, id, type, 1, data, metadata, recorded_at FROM log.events",
            "UPDATE log.claims SET stream = stream", "DELETE FROM log.claims", "TRUNCATE log.claims",
            "INSERT INTO log.claims SELECT 'other', sha256(hash), stream FROM log.claims",
            "UPDATE log.commands SET version = 2", "DELETE FROM log.commands", "TRUNCATE log.commands",
            "INSERT INTO log.commands SELECT gen_random_uuid(), digest, stream, version, first_position, last_position, recorded_at FROM log.commands",
            "SELECT FROM log.append_lock FOR UPDATE",
            "DO $$ BEGIN LOCK TABLE log.append_lock IN EXCLUSIVE MODE; END $$", "DELETE FROM log.append_lock",
            "ALTER TABLE log.events DISABLE TRIGGER ALL", "ALTER TABLE log.events DISABLE TRIGGER USER",
            "ALTER TABLE log.events DISABLE TRIGGER events_are_append_only", "ALTER TABLE log.events ENABLE REPLICA TRIGGER events_are_append_only",
            "DROP TRIGGER events_are_append_only ON log.events",
            "CREATE TRIGGER more BEFORE INSERT ON log.events FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change()",
            "ALTER TABLE log.events ADD COLUMN more text", "ALTER TABLE log.events RENAME TO gone", "ALTER TABLE log.events OWNER TO CURRENT_USER",
            "CREATE RULE gone AS ON INSERT TO log.events DO INSTEAD NOTHING", "DROP TABLE log.events", "DROP TABLE log.claims",
            "DROP SCHEMA log CASCADE",
            "DO $$ BEGIN LOCK TABLE log.events IN ACCESS EXCLUSIVE MODE; END $$", "CREATE TABLE log.more (a int)",
            "SET session_replication_role = replica", "SET session_replication_role = local",
            "CREATE OR REPLACE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        ]
        + [
            "EXECUTE pg_get_functiondef(function)", "EXECUTE format('DROP FUNCTION %s CASCADE', function::regprocedure)",
            "EXECUTE format('ALTER FUNCTION %s SECURITY INVOKER', function::regprocedure)",
            "EXECUTE format('ALTER FUNCTION %s OWNER TO CURRENT_USER', function::regprocedure)",
        ].map {
            "DO $$ DECLARE function oid; BEGIN FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'log'::regnamespace LOOP \($0); END LOOP; END $$"
        }
}

extension LogUnderTest {
    /// One row in each of the log's tables.
    fileprivate func fill() async throws {
        let claims = [ClaimChange.take(ClaimKind(rawValue: "slug"), value: "a")]
        _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream(), claims: claims))
    }
    /// How the database answers each statement to a role; nil is success. What is left open is rolled back.
    fileprivate func states(of statements: [String], as role: String?) async throws -> [SQLState?] {
        var target = owner
        target.role = role
        return try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { session in
                var states: [SQLState?] = []
                for sql in statements {
                    do throws(PostgresError) {
                        try await session.execute(script: sql)
                        states.append(nil)
                    } catch {
                        states.append(error.sqlState)
                    }
                    try await session.execute(script: "ROLLBACK")
                }
                return states
            }
        }
    }
}

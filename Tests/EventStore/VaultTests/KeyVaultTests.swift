import EventSourcing
import FoundationEssentials
import Postgres
import TestSupport
import Testing
import Vault

@Suite(.timeLimit(.minutes(15))) struct `A person's data key` {
    @Test func `is the first one that was made`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                let first = try await keys.keys(of: [ann])[ann]?.bytes
                #expect(first?.count == 32)
                try await keys.createKey(for: ann)
                try await vault.keys { other async throws in #expect(try await other.keys(of: [ann])[ann]?.bytes == first) }
            }
            #expect(try await vault.value("SELECT count(*) FROM vault.data_keys") == "1")
        }
    }

    @Test func `is one however many make it at once`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys(keepFor: .zero) { keys in
                let seen = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                    for _ in 0..<16 {
                        group.addTask {
                            try await keys.createKey(for: ann)
                            return try await keys.keys(of: [ann])[ann]?.bytes
                        }
                    }
                    return try await group.reduce(into: Set()) { $0.insert($1) }
                }
                #expect(seen.count == 1 && !seen.contains(nil))
            }
        }
    }

    @Test func `is the same in every process, and nobody else's`() async throws {
        try await VaultUnderTest.with { vault in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            try await vault.keys { keys in
                for person in [ann, bob] { try await keys.createKey(for: person) }
                let here = try await keys.keys(of: [ann, bob]).mapValues(\.bytes)
                #expect(here[ann] != here[bob])
                try await vault.keys { other async throws in #expect(try await other.keys(of: [ann, bob]).mapValues(\.bytes) == here) }
            }
        }
    }

    @Test func `lies in the vault under the master key only`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                let key = try #require(try await keys.keys(of: [ann])[ann]?.bytes)
                let digits = key.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                #expect(try await vault.value("SELECT count(*) FROM vault.data_keys k WHERE k::text LIKE '%\(digits)%'") == "0")
            }
            try await vault.keys(masterKey: VaultUnderTest.masterKey("5b")) { keys in
                await #expect(throws: VaultError.unusableMasterKey) { try await keys.keys(of: [ann]) }
            }
        }
    }

    @Test func `does not pass for another's`() async throws {
        try await VaultUnderTest.with { vault in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            try await vault.keys { keys in
                for person in [ann, bob] { try await keys.createKey(for: person) }
                try await vault.run(
                    "UPDATE vault.data_keys SET wrapped = (SELECT wrapped FROM vault.data_keys WHERE subject = '\(bob)') WHERE subject = '\(ann)'")
                await #expect(throws: VaultError.keyDamaged(ann)) { try await keys.keys(of: [ann]) }
                let known = try await keys.knownKeys(of: [ann, bob])
                #expect(known[bob]?.bytes != nil && known.count == 2)
                if case .damaged? = known[ann] {} else { Issue.record("\(known)") }
            }
        }
    }

    @Test func `is unknown for somebody who never registered`() async throws {
        try await VaultUnderTest.with { vault in
            let (ann, nobody) = (UUID.v7(), UUID.v7())
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                await #expect(throws: VaultError.keyUnknown(nobody)) { try await keys.keys(of: [ann, nobody]) }
                #expect(try await keys.keys(of: []).isEmpty)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A destroyed key` {
    @Test func `stays destroyed`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys(keepFor: .zero) { try await $0.createKey(for: ann) }
            try await vault.destroyer { try await $0.destroyKey(of: ann) }
            let when = try await vault.value("SELECT destroyed_at FROM vault.data_keys")
            #expect(when != nil)
            #expect(try await vault.value("SELECT wrapped FROM vault.data_keys") == nil)

            try await vault.destroyer { try await $0.destroyKey(of: ann) }
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
            #expect(try await vault.value("SELECT destroyed_at FROM vault.data_keys") == when)
        }
    }

    @Test func `is forgotten at once where it was destroyed`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            // One process with all rights: it holds the opened key when it destroys it.
            try await vault.pool(as: nil) { pool in
                let keys = KeyVault(pool, masterKey: VaultUnderTest.masterKey())
                try await keys.createKey(for: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes != nil)
                try await keys.destroyKey(of: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
        }
    }

    @Test func `is noticed by other processes when theirs has grown old`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys(keepFor: .nanoseconds(1)) { keys in
                try await keys.createKey(for: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes != nil)
                try await vault.destroyer { try await $0.destroyKey(of: ann) }
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
        }
    }

    @Test func `is dropped from memory by other processes, which look for it`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                _ = try await keys.keys(of: [ann])
                try await vault.destroyer { try await $0.destroyKey(of: ann) }
                #expect(keys.keyInMemory(of: ann)?.bytes != nil)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await keys.followDestructions(logger: TestCluster.logger) }
                    try await eventually { keys.keyInMemory(of: ann).map { $0.bytes == nil } ?? false }
                    group.cancelAll()
                }
            }
        }
    }

    @Test func `that was lost is known as destroyed from then on`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.destroyer { try await $0.destroyKey(of: ann) }
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Keys in memory` {
    @Test func `don't come back by a read that began before they were destroyed`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                // A look into the table ends when the gate is opened, with what the table held when the look began.
                try await vault.run(
                    """
                    ALTER TABLE vault.data_keys RENAME TO stored_keys;
                    CREATE VIEW vault.data_keys AS
                        WITH gate AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(7)) SELECT stored_keys.* FROM gate CROSS JOIN vault.stored_keys;
                    GRANT SELECT ON vault.data_keys TO annals_commands;
                    """)
                try await vault.pool(as: nil) { owner in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        try await owner.withTransaction { gate in
                            try await gate.query(Statement("shut", "SELECT pg_advisory_xact_lock(7)"))
                            group.addTask { _ = try await keys.keys(of: [ann]) }
                            // Of this database alone: other tests have theirs.
                            let waiting =
                                "SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid"
                                + " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
                            try await eventually { try await vault.value(waiting) != "0" }
                            try await vault.run("UPDATE vault.stored_keys SET wrapped = NULL, destroyed_at = now()")
                            keys.noteDestruction(of: ann)
                        }
                        try await group.waitForAll()
                    }
                }
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
        }
    }

    @Test func `are used until they are dropped`() async throws {
        try await VaultUnderTest.with { vault in
            let ann = UUID.v7()
            try await vault.keys { keys in
                try await keys.createKey(for: ann)
                let known = try await keys.keys(of: [ann])[ann]?.bytes
                try await vault.destroyer { try await $0.destroyKey(of: ann) }
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == known)
                keys.noteDestruction(of: ann)
                #expect(try await keys.keys(of: [ann])[ann]?.bytes == .some(nil))
            }
        }
    }

    @Test func `spare the vault, and the others come in one query`() async throws {
        try await VaultUnderTest.with { vault in
            let people = (0..<500).map { _ in UUID.v7() }
            try await vault.keys { keys in
                for person in people { try await keys.createKey(for: person) }
                // From here on each look into the table is counted.
                try await vault.run(
                    """
                    CREATE SEQUENCE vault.looks;
                    GRANT USAGE ON vault.looks TO annals_commands;
                    ALTER TABLE vault.data_keys RENAME TO stored_keys;
                    CREATE VIEW vault.data_keys AS
                        WITH look AS MATERIALIZED (SELECT nextval('vault.looks')) SELECT stored_keys.* FROM look CROSS JOIN vault.stored_keys;
                    GRANT SELECT ON vault.data_keys TO annals_commands;
                    """)
                func looks() async throws -> String? {
                    try await vault.value("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM vault.looks")
                }
                #expect(try await keys.keys(of: Set(people.prefix(10))).count == 10)
                #expect(try await looks() == "1")
                #expect(try await keys.keys(of: Set(people)).count == 500)
                #expect(try await looks() == "2")
                #expect(try await keys.keys(of: Set(people)).count == 500)
                #expect(try await looks() == "2")
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A vault that is away` {
    @Test func `is unavailable, which passes, and nothing worse`() async throws {
        try await VaultUnderTest.with { vault in
            try await vault.keys { keys in
                // PostgreSQL's error when it has no connection left, raised by the table itself: for writers, then for readers.
                try await vault.run(
                    """
                    CREATE FUNCTION vault.refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '53300'; END $$;
                    CREATE TRIGGER away BEFORE INSERT ON vault.data_keys FOR EACH ROW EXECUTE FUNCTION vault.refuse_rows();
                    """)
                await #expect { try await keys.createKey(for: .v7()) } throws: { error in
                    if case EventStoreError.unavailable = error { true } else { false }
                }
                try await vault.run(
                    """
                    CREATE FUNCTION vault.refuse() RETURNS TABLE (subject uuid, wrapped bytea) LANGUAGE plpgsql AS
                        $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '53300'; END $$;
                    ALTER TABLE vault.data_keys RENAME TO stored_keys;
                    CREATE VIEW vault.data_keys AS SELECT * FROM vault.refuse();
                    GRANT SELECT ON vault.data_keys TO annals_commands;
                    """)
                await #expect { try await keys.keys(of: [.v7()]) } throws: { error in
                    if case EventStoreError.unavailable = error { true } else { false }
                }
            }
        }
    }
}

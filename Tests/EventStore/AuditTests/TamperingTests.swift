import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Postgres
import TestSupport
import Testing
import Vault

@testable import Audit

/// A superuser with the triggers switched off, after a checkpoint was signed.
@Suite(.timeLimit(.minutes(15))) struct `What a superuser does to the log` {
    private static let size = 600

    @Test(
        arguments: [
            (
                "changes one byte of an event",
                "UPDATE log.events SET data = jsonb_set(data, '{number}', to_jsonb((data->>'number')::int # 1)) WHERE position = 300", 300
            ),
            ("changes the first", "UPDATE log.events SET data = '{}' WHERE position = 1", 1),
            ("changes the last", "UPDATE log.events SET data = '{}' WHERE position = 600", 600),
            (
                "swaps two",
                """
                CREATE TEMP TABLE two AS SELECT * FROM log.events WHERE position IN (257, 400);
                DELETE FROM log.events WHERE position IN (257, 400);
                INSERT INTO log.events SELECT 657 - position, stream, version, id, type, schema_version, data, metadata, recorded_at FROM two
                """, 257
            ),
            (
                "inserts one before the first",
                """
                INSERT INTO log.events
                SELECT -1, stream, 100000, gen_random_uuid(), type, schema_version, data, metadata, recorded_at FROM log.events WHERE position = 122
                """, -1
            ),
            ("deletes the last", "DELETE FROM log.events WHERE position = 600", 600),
            ("deletes one", "DELETE FROM log.events WHERE position = 42", 42),
            (
                "inserts one",
                """
                UPDATE log.events SET position = position + 1000 WHERE position >= 123;
                UPDATE log.events SET position = position - 999 WHERE position >= 1123;
                INSERT INTO log.events
                SELECT 123, stream, 100000, gen_random_uuid(), type, schema_version, data, metadata, recorded_at FROM log.events WHERE position = 122
                """, 123
            ),
            (
                "edits metadata",
                "UPDATE log.events SET metadata = metadata || '{\"actor\": \"00000000-0000-0000-0000-000000000000\"}' WHERE position = 77", 77
            ),
            ("edits a timestamp", "UPDATE log.events SET recorded_at = recorded_at + interval '1 ms' WHERE position = 511", 511),
            ("edits a stream's name", "UPDATE log.events SET stream = 'note-00000000-0000-0000-0000-000000000000' WHERE position = 12", 12),
            ("edits a version", "UPDATE log.events SET version = version + 100000 WHERE position = 13", 13),
            ("edits an id", "UPDATE log.events SET id = gen_random_uuid() WHERE position = 14", 14),
            ("edits a type", "UPDATE log.events SET type = 'Sang' WHERE position = 15", 15),
            ("edits a form's version", "UPDATE log.events SET schema_version = 2 WHERE position = 16", 16),
            (
                "edits a leaf",
                "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 32 * 9, get_byte(hashes, 32 * 9) # 1) WHERE level = 0 AND tile = 1", 266
            ),
            (
                "edits a stored entry",
                "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = -1 AND tile = 2", 513
            ),
            ("edits a node", "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE level = 1", 257),
            ("removes a tile", "DELETE FROM log.merkle_tiles WHERE level = 0 AND tile = 1", 257),
        ] as [(String, String, Int64)])
    func `is found, and the first position named`(deed: String, sql: String, position: Int64) async throws {
        try await AuditedLog.open { audited in
            try await audited.append(Self.size)
            let seen = try await audited.catchUp()
            #expect(try await audited.audit([seen]).difference == nil)
            try await audited.tamper(sql)
            let difference = try await audited.audit().difference
            #expect(difference?.position == position, "\(deed): \(difference.map(String.init(describing:)) ?? "nothing found")")
            #expect(try await audited.audit([seen]).difference != nil)
        }
    }

    @Test func `with the tiles made to match is found by what was signed`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(200)
            let early = try await audited.catchUp()
            try await audited.append(200)
            try await audited.catchUp()
            try await audited.tamper("UPDATE log.events SET data = '{}' WHERE position = 333")
            try await audited.forgeTiles()
            // Only the tree as a whole is known to be another: between the last root that fits and the first that does not.
            let difference = try await audited.audit().difference
            #expect(difference?.position == 201 && difference?.what.contains("400") == true)

            // Without its checkpoints, too: the auditor's own still tells.
            try await audited.tamper("DELETE FROM log.merkle_checkpoints WHERE size > 200")
            #expect(try await audited.audit([early]).difference == nil, "what nobody else has seen signed can't be told")
            let seen = try #require(try audited.keyFile.lastCheckpoint.read())
            #expect(try await audited.audit([seen]).difference?.position == 201)
        }
    }

    @Test func `to a checkpoint is found`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            try await audited.tamper("UPDATE log.merkle_checkpoints SET note = replace(note, 'example.org/log', 'example.org/lag')")
            let difference = try await audited.audit().difference
            #expect(difference?.position == 1 && difference?.what.contains("is not signed by example.org/log") == true)
        }
    }

    @Test func `to a checkpoint names the first position that only that one covers`() async throws {
        try await AuditedLog.open { audited in
            for _ in 1...3 {
                try await audited.append(10)
                try await audited.catchUp()
            }
            try await audited.tamper("UPDATE log.merkle_checkpoints SET note = 'nothing' WHERE size = 20")
            #expect(try await audited.audit().difference == AuditDifference(at: 11, "the stored checkpoint of 20 is not a checkpoint of that size"))
        }
    }

    @Test func `to a checkpoint does not hide what was done to an event`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            try await audited.tamper(
                """
                UPDATE log.merkle_checkpoints SET note = replace(note, 'example.org/log', 'example.org/lag');
                UPDATE log.events SET data = '{}' WHERE position = 4;
                """)
            let difference = try await audited.audit().difference
            #expect(difference?.position == 4 && difference?.what.contains("is not the one that the log took") == true)
        }
    }

    @Test(
        arguments: [
            ("takes all of it", "TRUNCATE log.merkle_tiles, log.merkle_checkpoints; UPDATE log.merkle_head SET size = 0", 1, true),
            (
                "takes the end of it",
                """
                DELETE FROM log.merkle_tiles WHERE tile = 2; UPDATE log.merkle_tiles SET hashes = substr(hashes, 1, 64) WHERE level = 1;
                DELETE FROM log.merkle_checkpoints; UPDATE log.merkle_head SET size = 512
                """, 513, true
            ),
            ("says that it is shorter", "DELETE FROM log.merkle_checkpoints; UPDATE log.merkle_head SET size = 512", 513, false),
            ("says that it is not there", "DELETE FROM log.merkle_checkpoints; UPDATE log.merkle_head SET size = 0", 1, false),
            ("leaves a checkpoint", "DELETE FROM log.merkle_tiles; UPDATE log.merkle_head SET size = 0", 1, false),
            ("adds a leaf", "UPDATE log.merkle_tiles SET hashes = hashes || substr(hashes, 1, 32) WHERE level = 0 AND tile = 2", 601, false),
            ("adds a tile", "INSERT INTO log.merkle_tiles SELECT level, 3, hashes FROM log.merkle_tiles WHERE level = 0 AND tile = 0", 601, false),
            ("adds a level", "INSERT INTO log.merkle_tiles SELECT 32767, 0, hashes FROM log.merkle_tiles WHERE level = 1", 601, false),
            (
                "adds the last tile of all",
                "INSERT INTO log.merkle_tiles SELECT -1, 9223372036854775807, hashes FROM log.merkle_tiles WHERE level = 0 AND tile = 0", 601, false
            ),
            ("adds a tile before the first", "INSERT INTO log.merkle_tiles SELECT 0, -1, hashes FROM log.merkle_tiles WHERE level = 1", 601, false),
        ] as [(String, String, Int64, Bool)])
    func `to the published tree is found`(deed: String, sql: String, position: Int64, needsCheckpoint: Bool) async throws {
        try await AuditedLog.open { audited in
            try await audited.append(Self.size)
            let seen = try await audited.catchUp()
            try await audited.tamper(sql)
            let difference = try await audited.audit([seen]).difference
            #expect(difference?.position == position, "\(deed): \(difference.map(String.init(describing:)) ?? "nothing found")")
            #expect((try await audited.audit().difference == nil) == needsCheckpoint, "\(deed)")
        }
    }

    @Test func `by planting a checkpoint of no events is found`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            let nothing = try SignedCheckpoint(size: 0, root: .ofNothing, by: try audited.signer)
            #expect(try await audited.audit([nothing]).difference == nil)
            let forged = try SignedCheckpoint(size: 0, root: .sha256([1]), by: try audited.signer)
            #expect(try await audited.audit([forged]).difference != nil, "one of the auditor's is looked at, too")
            try await audited.tamper("INSERT INTO log.merkle_checkpoints (size, note) VALUES (0, '\(nothing.note)')")
            #expect(try await audited.audit().difference?.what.contains("checkpoint of 0") == true)
        }
    }

    @Test func `with another key is found`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            let forged = try SignedCheckpoint(size: 5, root: .sha256([]), by: NoteSigner(name: "example.org/log"))
            try await audited.log.withPool(as: nil) { pool in
                try await pool.query(.storeCheckpoint, [.int8(5), .text(forged.note.description)])
            }
            #expect(try await audited.audit().difference?.what.contains("checkpoint of 5") == true)
        }
    }

    @Test func `is refused by the triggers as long as they are on`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            await #expect(throws: (any Error).self) { try await audited.log.run("DELETE FROM log.merkle_checkpoints") }
            await #expect(throws: (any Error).self) { try await audited.log.run("UPDATE log.merkle_head SET size = 0", as: "annals_commands") }
            await #expect(throws: (any Error).self) { try await audited.log.run("DELETE FROM log.merkle_tiles", as: "annals_projector") }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A forgotten person` {
    @Test func `leaves the log and its proofs as they were`() async throws {
        try await AuditedLog.open { audited in
            let ann = UUID.v7()
            try await audited.log.vault.createKey(for: ann)
            try await audited.append(50, by: ann)
            let seen = try await audited.catchUp()
            try await audited.log.runInVault("UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(ann.lowercased)'")
            audited.log.vault.noteDestruction(of: ann)
            #expect(try await audited.log.store.read(after: 0, limit: 1).first?.data["words"] == .null)
            let report = try await audited.audit([seen])
            #expect(report.difference == nil && report.covered == 50)
        }
    }
}

extension AuditedLog {
    /// The attack of a superuser with knowledge of the tree: all tiles anew over the events as they are.
    fileprivate func forgeTiles() async throws {
        try await log.withPool(as: nil) { pool in
            var tree = GrowingTree()
            var json = CanonicalJSON()
            try await AuditTrail(pool).pages(at: 1...(try await MerkleLog(pool).head())) { page in
                try page.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    tree.append(entry: .sha256(json.bytes))
                }
            }
            let tiles = tree.takeChangedTiles()
            try await pool.query(
                .storeTiles, [.int2s(tiles.map(\.tile.storedLevel)), .int8s(tiles.map(\.tile.index)), .byteas(tiles.map(\.hashes))])
        }
    }
}

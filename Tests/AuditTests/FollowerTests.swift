import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite struct `The follower` {
    @Test func `signs what the log has, and again what it has then`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(700)
            let first = try await audited.catchUp()
            #expect(first.checkpoint.size == 700 && first.checkpoint.origin == "example.org/log")
            #expect(try first.isSigned(by: audited.signer.verifier))
            #expect(try audited.keyFile.lastCheckpoint.read() == first)
            try await audited.append(1)
            let second = try await audited.catchUp()
            #expect(second.checkpoint.size == 701)
            let proof = try await audited.merkle { log in
                var prover = Prover(log, size: 701)
                return try await prover.consistency(since: 700)
            }
            #expect(proof.proves(from: 700, first.checkpoint.root, to: 701, second.checkpoint.root))
            #expect(try await audited.audit().difference == nil)
        }
    }

    @Test func `is woken by appends, and gathers what comes together`() async throws {
        try await AuditedLog.open { audited in
            try await audited.following { follower in
                for _ in 0..<5 {
                    let head = try await audited.append(130)
                    try await audited.covered(head, by: follower)
                }
            }
            let report = try await audited.audit()
            #expect(report.difference == nil && report.events == 650 && report.covered == 650 && report.checkpoints >= 5)
        }
    }

    @Test func `leaves an empty log unsigned`() async throws {
        try await AuditedLog.open { audited in
            try await audited.following { _ in _ = try await audited.merkle { try await $0.size() } }
            #expect(try await audited.merkle { try await $0.checkpoint() } == nil)
            #expect(try await audited.audit() == AuditReport())
        }
    }

    @Test func `shares its work with a second one, which takes over at its end`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.following { first in
                try await audited.covered(10, by: first)
                try await audited.following { second in
                    let head = try await audited.append(300)
                    try await audited.covered(head, by: first)
                    #expect(first.status == .following(signed: 310))
                    #expect(second.status != .following(signed: 310))
                }
            }
            let report = try await audited.audit()
            #expect(report.difference == nil && report.covered == 310)
        }
    }

    @Test func `can't write any more once another has taken its lease`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let signer = try audited.signer
            let file = audited.keyFile.lastCheckpoint
            try await audited.log.withPool(as: "annals_projector") { pool in
                let stale = try await MerkleLease.acquire(pool, as: "first") {}
                var writer = try await MerkleWriter(pool, under: stale, signer: signer, file: file)
                try await writer.extend(to: 300)
                // Its machine stood still; meanwhile the lease ran out, and another signs.
                _ = try await audited.log.run("UPDATE log.merkle_head SET lease_expires_at = now()")
                try await audited.catchUp()
                await #expect(throws: MerkleLeaseLost.self) { try await writer.publish(isSigning: true) }
                await #expect(throws: MerkleLeaseLost.self) { try await writer.publish(isSigning: false) }
            }
            let report = try await audited.audit()
            #expect(report.difference == nil && report.covered == 300)
        }
    }

    @Test func `publishes what it had signed when it was killed in between`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.catchUp()
            try await audited.append(300)
            // As it is after a kill between the file and the tables: signed, and not published.
            let signer = try audited.signer
            let file = audited.keyFile.lastCheckpoint
            var tree = GrowingTree()
            try await audited.log.withPool(as: "annals_projector") { pool in
                var json = CanonicalJSON()
                try await StoredEventScan(pool).chunks(of: 1...450) { chunk in
                    try chunk.forEach { event in
                        json.removeAll()
                        try json.append(event)
                        tree.append(entry: .sha256(json.bytes))
                    }
                }
            }
            let lost = try SignedCheckpoint(size: 450, root: tree.root, by: signer)
            #expect(try file.replace(try file.read(), with: lost))

            let newest = try await audited.catchUp()
            #expect(newest.checkpoint.size == 600)
            #expect(try await audited.merkle { try await $0.checkpoints(450...450) }.map(\.note) == [lost.note.description])
            let report = try await audited.audit()
            #expect(report.difference == nil && report.checkpoints == 3)
        }
    }

    @Test func `never replaces a checkpoint in the file that it has not seen`() async throws {
        try await withFolder { folder in
            let signer = NoteSigner(name: "example.org/log")
            let file = AuditKeyFile(folder + "/audit.key").lastCheckpoint
            let one = try SignedCheckpoint(size: 1, root: .sha256([1]), by: signer)
            let other = try SignedCheckpoint(size: 1, root: .sha256([2]), by: signer)
            #expect(try file.replace(nil, with: one))
            #expect(try file.replace(nil, with: other) == false)
            #expect(try file.replace(other, with: other) == false)
            #expect(try file.read() == one)
        }
    }
}

@Suite struct `A restored log` {
    @Test func `that is shorter than what was signed is not signed again`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.catchUp()
            try await audited.restore(to: 200)
            let stop = try await audited.following { try await audited.stopped($0) }
            #expect(stop == .logIsShorter(head: 200, signed: 300))
            let differences = try await audited.audit([#require(try audited.keyFile.lastCheckpoint.read())]).difference
            #expect(differences?.position == 201)
        }
    }

    @Test func `that has since grown differently is not signed again`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let signed = try await audited.catchUp()
            try await audited.restore(to: 200)
            try await audited.append(500)
            let stop = try await audited.following { try await audited.stopped($0) }
            #expect(stop == .logIsAnother(size: 300))
            #expect(try audited.keyFile.lastCheckpoint.read() == signed)
            #expect(try await audited.audit([signed]).difference?.position == 1)
        }
    }

    @Test func `is noticed by a follower that runs`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.following { follower in
                try await audited.covered(300, by: follower)
                try await audited.tamper("DELETE FROM log.events WHERE position > 100")
                // Either it sees the shorter log, or, between two of its looks, that the last event is gone.
                let stop = try await audited.stopped(follower)
                #expect([.logIsShorter(head: 100, signed: 300), .gap(position: 300)].contains(stop), "\(stop)")
            }
        }
    }

    @Test func `is noticed by a follower that runs although it has since grown past what was signed`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.following { follower in
                try await audited.covered(300, by: follower)
                // One transaction: nobody sees the log while it is shorter.
                try await audited.tamper(
                    """
                    UPDATE log.events SET id = gen_random_uuid() WHERE position > 100;
                    INSERT INTO log.events SELECT position + 300, stream, version + 300, gen_random_uuid(), type, schema_version, data, metadata, recorded_at
                    FROM log.events;
                    """)
                #expect(try await audited.stopped(follower) == .logIsAnother(size: 300))
            }
        }
    }

    @Test func `is noticed although its tiles were written anew`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let signed = try await audited.catchUp()
            try await audited.tamper("UPDATE log.events SET data = jsonb_set(data, '{number}', '0') WHERE position = 7")
            // A follower with a key and a file of its own makes all tiles again.
            try await audited.tamper(
                "UPDATE log.merkle_head SET size = 0; DELETE FROM log.merkle_tiles; DELETE FROM log.merkle_checkpoints")
            try await withFolder { folder in
                let other = AuditKeyFile(folder + "/audit.key")
                let signer = try other.open(origin: "example.org/log")
                try await audited.following(as: signer, file: other.lastCheckpoint) { try await audited.covered(300, by: $0) }
            }
            #expect(try await audited.following { try await audited.stopped($0) } == .logIsAnother(size: 300))
            #expect(try await audited.audit([signed]).difference != nil)
        }
    }
}

extension AuditedLog {
    /// The log's database as a backup has it that was made when the log had so many events.
    fileprivate func restore(to position: Int64) async throws {
        let leaves = try await log.withPool(as: nil) { pool in
            var tree = GrowingTree()
            var json = CanonicalJSON()
            try await StoredEventScan(pool).chunks(of: 1...position) { chunk in
                try chunk.forEach { event in
                    json.removeAll()
                    try json.append(event)
                    tree.append(entry: .sha256(json.bytes))
                }
            }
            return tree.takeChangedTilesOnce()
        }
        try await tamper(
            """
            DELETE FROM log.events WHERE position > \(position);
            DELETE FROM log.merkle_checkpoints WHERE size > \(position);
            DELETE FROM log.merkle_tiles;
            UPDATE log.merkle_head SET size = \(position);
            """)
        try await log.withPool(as: nil) { pool in
            try await pool.query(
                .storeTiles, [.int2s(leaves.map(\.tile.storedLevel)), .int8s(leaves.map(\.tile.index)), .byteas(leaves.map(\.hashes))])
        }
        try await log.run("ALTER TABLE log.events ENABLE TRIGGER ALL")
    }
}

extension GrowingTree {
    fileprivate func takeChangedTilesOnce() -> [ChangedTile] {
        var copy = self
        return copy.takeChangedTiles()
    }
}

import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Logging
import Postgres
import TestSupport
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `The follower` {
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

    @Test func `signs no more often than its pace says, however steadily events come`() async throws {
        try await AuditedLog.open { audited in
            let clock = ManualClock()
            let pace = MerkleFollower.Pace(pause: .milliseconds(250), look: .zero)
            try await audited.following(pace: pace, by: clock) { follower in
                try await withThrowingTaskGroup(of: Void.self) { writers in
                    for _ in 0..<4 { writers.addTask { for _ in 0..<60 { try await audited.append(1) } } }
                    try await writers.waitForAll()
                }
                try await audited.covered(240, by: follower)
            }
            // All the time that has passed on this clock is time that the follower has rested.
            let rests = clock.now.offset / pace.pause
            #expect(try await Double(audited.audit().checkpoints) <= rests + 1)
        }
    }

    @Test func `goes on by itself when its file could not be written for a while`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.catchUp()
            // A disk without room, too, fails to open, to write or to rename.
            let lock = audited.keyFile.lastCheckpoint.path + ".lock"
            try FileManager.default.removeItem(atPath: lock)
            try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: false)
            try await audited.append(10)
            try await audited.following { follower in
                let first = try await audited.leaseToken()
                try await eventually {
                    try follower.confirmRunning()
                    return try await audited.leaseToken() >= first + 3
                }
                try FileManager.default.removeItem(atPath: lock)
                try await audited.covered(20, by: follower)
            }
            #expect(try audited.keyFile.lastCheckpoint.read()?.checkpoint.size == 20)
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
                    // A follower says so after the tables. On a slow machine the lease may lapse meanwhile, and the second one then has it.
                    try await eventually { [first, second].filter { $0.status == .following(signed: 310) }.count == 1 }
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
                var writer = try await MerkleWriter(pool, under: stale, signer: signer, file: file, logger: TestCluster.logger)
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

    @Test func `does not wait for a lease that ends further ahead than one can, as after the clock went back`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.log.run("UPDATE log.merkle_head SET lease_holder = 'other', lease_expires_at = now() + interval '1 hour'")
            try await audited.log.withPool(as: "annals_projector") { pool in
                let lease = try await MerkleLease.acquire(pool, as: "second") { Issue.record("it waits") }
                #expect(lease.token == 1)
            }
        }
    }

    @Test func `publishes what it had signed when it was killed in between`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.catchUp()
            try await audited.append(300)
            // As it is after a kill between the file and the tables: stored and signed, and not published.
            let signer = try audited.signer
            let file = audited.keyFile.lastCheckpoint
            let root = try await audited.log.withPool(as: "annals_projector") { pool in
                let lease = try await MerkleLease.acquire(pool, as: "killed") {}
                var writer = try await MerkleWriter(pool, under: lease, signer: signer, file: file, logger: TestCluster.logger)
                try await writer.extend(to: 450)
                try await writer.publish(isSigning: false)
                try await pool.query(.releaseMerkleLease, [.int8(lease.token)])
                var prover = Prover(MerkleLog(pool), size: 450)
                return try await prover.root()
            }
            let lost = try SignedCheckpoint(size: 450, root: root, by: signer)
            #expect(try file.replace(try file.read(), with: lost))

            let heard = SpokenLog()
            try await audited.following(logger: heard.logger) { try await audited.covered(600, by: $0) }
            #expect(heard.lines(at: .critical).isEmpty)
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
            try FileManager.default.removeItem(atPath: file.path)
            #expect(throws: AuditFileError.gone(file.path, one)) { try file.replace(one, with: other) }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A checkpoint that is gone from beside the key` {
    @Test func `stops a follower that has seen it`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.following { follower in
                try await audited.covered(10, by: follower)
                let file = audited.keyFile.lastCheckpoint
                let seen = try #require(try file.read())
                try FileManager.default.removeItem(atPath: file.path)
                try await audited.append(10)
                let stop = try await audited.stopped(follower)
                #expect(stop == .files(.gone(file.path, seen)))
                #expect(try await audited.merkle { try await $0.coveredPosition() } == 10)
            }
        }
    }

    /// The tables may have been changed: a trouble of the database must not look like a start.
    @Test func `stops it although it has to begin anew`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            try await audited.following { follower in
                try await audited.covered(10, by: follower)
                try FileManager.default.removeItem(atPath: audited.keyFile.lastCheckpoint.path)
                _ = try await audited.log.run("UPDATE log.merkle_head SET lease_token = lease_token + 1")
                guard case .files(.gone) = try await audited.stopped(follower) else { throw MerkleStop.treeDamaged(reason: "it has another reason") }
            }
        }
    }

    @Test func `is taken from the tables at a start, with a warning`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(10)
            let signed = try await audited.catchUp()
            let file = audited.keyFile.lastCheckpoint
            try FileManager.default.removeItem(atPath: file.path)
            try await audited.append(10)
            let heard = SpokenLog()
            try await audited.following(logger: heard.logger) { try await audited.covered(20, by: $0) }
            #expect(
                heard.lines(at: .warning).contains {
                    $0.contains("no checkpoint beside the audit key") && $0.contains("size=\(signed.checkpoint.size)")
                })
            #expect(try file.read()?.checkpoint.size == 20)
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Tables that hold less than was signed` {
    @Test func `are an alarm, and made again from the log`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.catchUp()
            try await audited.tamper("DELETE FROM log.merkle_tiles; DELETE FROM log.merkle_checkpoints; UPDATE log.merkle_head SET size = 0")
            let heard = SpokenLog()
            try await audited.following(logger: heard.logger) { try await audited.covered(300, by: $0) }
            #expect(
                heard.lines(at: .critical).contains { $0.contains("less of the audit log than was signed") && $0.contains("signed=300 stored=0") })
            #expect(try await audited.audit().difference == nil)
        }
    }

    @Test func `stop the follower when the last entries are not those of the last leaves`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            try await audited.catchUp()
            try await audited.tamper(
                "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 32 * 7, get_byte(hashes, 32 * 7) # 1) WHERE level = -1 AND tile = 1")
            let stop = try await audited.following { try await audited.stopped($0) }
            guard case .treeDamaged = stop else { throw stop }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A restored log` {
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
                #expect([.logIsShorter(head: 100, signed: 300), .logIsAnother(size: 300)].contains(stop), "\(stop)")
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
            try await AuditTrail(pool).pages(at: 1...position) { page in
                try page.forEach { event in
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

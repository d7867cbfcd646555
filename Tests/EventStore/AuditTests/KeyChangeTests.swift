import EventLogTesting
import FoundationEssentials
import Postgres
import Testing

@testable import Audit

/// As after a restore: from some position on another key signs.
@Suite(.timeLimit(.minutes(15))) struct `A log whose key was changed` {
    private static func open(_ body: @Sendable (AuditedLog, _ old: NoteSigner, _ new: NoteSigner) async throws -> Void) async throws {
        try await AuditedLog.open { audited in
            let old = try audited.signer
            try await audited.append(200)
            try await audited.catchUp()
            let file = AuditKeyFile(audited.folder + "/audit-2.key")
            let new = try file.open(origin: "example.org/log")
            try await audited.append(100)
            try await audited.following(as: new, file: file.lastCheckpoint) { try await audited.covered(300, by: $0) }
            try await body(audited, old, new)
        }
    }

    @Test func `fits when the old one is named as retired`() async throws {
        try await Self.open { audited, old, new in
            let report = try await audited.audit(keys: [new.verifier], retired: [old.verifier])
            #expect(report.difference == nil && report.covered == 300 && report.checkpoints >= 2)
            let before = try await audited.merkle { try await $0.checkpoints(200...200) }
            let seen = try #require(before.first.flatMap { SignedCheckpoint($0.note) })
            #expect(try await audited.audit([seen], keys: [new.verifier], retired: [old.verifier]).difference == nil)
        }
    }

    @Test func `does not fit without it`() async throws {
        try await Self.open { audited, old, new in
            let difference = try await audited.audit(keys: [new.verifier]).difference
            #expect(difference?.what.contains("checkpoint of 200 is not signed by") == true)
        }
    }

    @Test func `takes nothing that the old one has signed later`() async throws {
        try await Self.open { audited, old, new in
            try await audited.append(100)
            let file = AuditKeyFile(audited.folder + "/audit-2.key").lastCheckpoint
            try await audited.following(as: new, file: file) { try await audited.covered(400, by: $0) }
            let newest = try #require(try file.read()).checkpoint
            let late = try SignedCheckpoint(size: 400, root: newest.root, by: old)
            try await audited.tamper("UPDATE log.merkle_checkpoints SET note = '\(late.note)' WHERE size = 400")
            let difference = try await audited.audit(keys: [new.verifier], retired: [old.verifier]).difference
            #expect(difference?.what.contains("checkpoint of 400 is not signed by") == true)
        }
    }

    @Test func `may have had several, each in its turn`() throws {
        let signers = (1...3).map { NoteSigner(name: "example.org/\($0)") }
        func accepted(_ order: [Int]) throws -> [Bool] {
            var succession = KeySuccession([signers[2].verifier], after: [signers[0].verifier, signers[1].verifier])
            return try order.enumerated().map { size, signer in
                succession.accepts(try SignedCheckpoint(size: Int64(size), root: .ofNothing, by: signers[signer]))
            }
        }
        #expect(try accepted([0, 0, 1, 2, 2]) == [true, true, true, true, true])
        #expect(try accepted([1, 0, 1, 2, 1, 0]) == [true, false, true, true, false, false])
    }
}

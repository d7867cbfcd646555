import EventLogTesting
import Testing

@testable import Audit

@Suite(.timeLimit(.minutes(15))) struct `A proof of an event` {
    @Test func `is one that the event fits`() async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let checkpoint = try await audited.catchUp()
            for position in [1, 5, 256, 257, 300] as [Int64] {
                let proof = try await audited.merkle { try await $0.proof(of: position, against: checkpoint) }
                #expect(proof.index == position - 1 && proof.checkpoint == checkpoint)
            }
        }
    }

    @Test(arguments: [
        "UPDATE log.events SET metadata = '{}' WHERE position = 5", "DELETE FROM log.events WHERE position = 5",
        "UPDATE log.events SET data = '{\"number\": 12345678901234567890}' WHERE position = 5",
        "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 32 * 9, get_byte(hashes, 32 * 9) # 1) WHERE level = 0 AND tile = 0",
        "UPDATE log.merkle_tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0 AND tile = 1",
    ])
    func `is not given when the log or the tree was changed`(sql: String) async throws {
        try await AuditedLog.open { audited in
            try await audited.append(300)
            let checkpoint = try await audited.catchUp()
            try await audited.tamper(sql)
            try await audited.merkle { log in
                await #expect(throws: MerkleLog.Damaged.self) { _ = try await log.proof(of: 5, against: checkpoint) }
            }
        }
    }
}

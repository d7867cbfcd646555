import Crypto
import Postgres
import Testing
import Vault

@Suite(.timeLimit(.minutes(15))) struct `The system's hasher` {
    @Test func `has one key, however many processes start at once`() async throws {
        try await VaultUnderTest.with { vault in
            let hashes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                for process in 0..<8 {
                    group.addTask {
                        // Both services that hash may be the first.
                        try await vault.pool(as: process.isMultiple(of: 2) ? "annals_commands" : "annals_auth") { pool in
                            try await SystemHasher.open(pool, masterKey: VaultUnderTest.masterKey()).hash(["email", "ann@example.org"])
                        }
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(hashes.count == 1)
            #expect(try await vault.value("SELECT count(*) FROM vault.system_keys") == "1")
        }
    }

    @Test func `is another in another system`() async throws {
        var hashes: Set<[UInt8]> = []
        for _ in 0..<2 {
            try await VaultUnderTest.with { vault in
                hashes.insert(
                    try await vault.pool(as: "annals_commands") { try await SystemHasher.open($0, masterKey: VaultUnderTest.masterKey()).hash(["a"]) }
                )
            }
        }
        #expect(hashes.count == 2)
    }

    @Test func `does not open under another master key`() async throws {
        try await VaultUnderTest.with { vault in
            try await vault.pool(as: "annals_commands") { pool in
                _ = try await SystemHasher.open(pool, masterKey: VaultUnderTest.masterKey())
                await #expect(throws: VaultError.unusableMasterKey) { try await SystemHasher.open(pool, masterKey: VaultUnderTest.masterKey("5b")) }
            }
        }
    }

    @Test func `tells lists of texts apart`() {
        let hasher = SystemHasher(key: SymmetricKey(data: Array(repeating: 7, count: 32)))
        let lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], [], [""], ["c", "ab"], ["caf\u{E9}"], ["cafe\u{301}"]]
        #expect(Set(lists.map(hasher.hash)).count == lists.count)
        #expect(hasher.hash(["ab", "c"]) == hasher.hash(["ab", "c"]))
        #expect(hasher.hash([]).count == 32)
    }
}

import Testing
import Vault

@Suite struct `A master key` {
    private static let text = String(repeating: "5a", count: 32)

    @Test(arguments: [text, text.uppercased(), " \(text)\r\n"]) func `is 64 hexadecimal digits`(text: String) throws {
        let wrapped = try #require(MasterKey(hexadecimal: Self.text)).wrap([1, 2, 3], for: "name")
        #expect(try #require(MasterKey(hexadecimal: text)).unwrap(wrapped, for: "name") == [1, 2, 3])
    }

    @Test(arguments: [
        "", "5a", String(repeating: "5a", count: 31), String(repeating: "5a", count: 33), String(repeating: "5g", count: 32),
        String(repeating: "+5", count: 32), String(repeating: "é", count: 32), "0x" + String(repeating: "5a", count: 31),
    ])
    func `is nothing else`(text: String) {
        #expect(MasterKey(hexadecimal: text) == nil)
    }

    @Test func `can be made, another each time`() throws {
        let (first, second) = (MasterKey.generate(), MasterKey.generate())
        #expect(first != second)
        #expect(first.utf8.count == 64 && MasterKey(hexadecimal: first) != nil)
    }
}

@Suite struct `A wrapped key` {
    private static let secret: [UInt8] = Array(0..<32)

    private static func key(_ byte: String = "5a") throws -> MasterKey { try #require(MasterKey(hexadecimal: String(repeating: byte, count: 32))) }

    @Test func `opens under the same master key and name`() throws {
        let wrapped = try Self.key().wrap(Self.secret, for: "ann")
        #expect(try Self.key().unwrap(wrapped, for: "ann") == Self.secret)
    }

    @Test func `shows nothing of itself and looks different each time`() throws {
        let (first, second) = (try Self.key().wrap(Self.secret, for: "ann"), try Self.key().wrap(Self.secret, for: "ann"))
        #expect(first != second)
        #expect(first.count == 12 + 32 + 16)
    }

    @Test func `stays closed to another master key`() throws {
        let wrapped = try Self.key().wrap(Self.secret, for: "ann")
        #expect(throws: VaultError.unusableMasterKey) { try Self.key("5b").unwrap(wrapped, for: "ann") }
    }

    @Test func `stays closed under another name`() throws {
        let wrapped = try Self.key().wrap(Self.secret, for: "ann")
        #expect(throws: VaultError.unusableMasterKey) { try Self.key().unwrap(wrapped, for: "bob") }
    }

    @Test func `stays closed when any byte was changed`() throws {
        let wrapped = try Self.key().wrap(Self.secret, for: "ann")
        for index in wrapped.indices {
            var changed = wrapped
            changed[index] ^= 1
            #expect(throws: VaultError.unusableMasterKey) { try Self.key().unwrap(changed, for: "ann") }
        }
        for count in [0, 12, 28, wrapped.count - 1] {
            #expect(throws: VaultError.unusableMasterKey) { try Self.key().unwrap(Array(wrapped.prefix(count)), for: "ann") }
        }
    }
}

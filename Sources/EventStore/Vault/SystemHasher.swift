package import Crypto
import EventSourcing
package import Postgres

/// HMAC-SHA-256 under the system's claim key: unique values and callers' idempotency keys are compared by it, and not stored.
///
/// The key is its own and never rotated: another key would let a taken email be taken again.
package struct SystemHasher: KeyedHasher {
    /// Already keyed: each hash starts from a copy.
    private let keyed: HMAC<SHA256>

    /// Reads the claim key from the vault; the first process to ask makes it.
    package static func open(_ pool: ConnectionPool, masterKey: MasterKey) async throws -> SystemHasher {
        let fresh = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        // Two processes may start at once: both read the key that the first of them stored.
        try await pool.query(.createSystemKey, [.text("claims"), .bytes(try masterKey.wrap(fresh, for: "claims"))])
        guard let row = try await pool.query(.readSystemKey, [.text("claims")]).first else { throw VaultError.unusableMasterKey }
        return SystemHasher(key: SymmetricKey(data: try masterKey.unwrap(try row.get(0), for: "claims")))
    }

    package init(key: SymmetricKey) { keyed = HMAC(key: key) }

    package func hash(_ parts: [String]) -> [UInt8] {
        // Each part is preceded by its length, so ["ab", "c"] and ["a", "bc"] differ.
        var message: [UInt8] = []
        message.reserveCapacity(parts.reduce(0) { $0 + $1.utf8.count + 8 })
        for part in parts {
            withUnsafeBytes(of: UInt64(part.utf8.count).bigEndian) { message.append(contentsOf: $0) }
            message.append(contentsOf: part.utf8)
        }
        var code = keyed
        code.update(data: message)
        return Array(code.finalize())
    }
}

extension Statement {
    fileprivate static let createSystemKey = Statement(
        "vault_create_system_key",
        "INSERT INTO vault.system_keys (name, wrapped) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")

    fileprivate static let readSystemKey = Statement(
        "vault_read_system_key",
        "SELECT wrapped FROM vault.system_keys WHERE name = $1")
}

package import Crypto
import EventSourcing
package import Postgres

/// HMAC-SHA-256 under the system's claim key: how unique values and callers' idempotency keys are compared without being stored.
///
/// The key is its own and never rotated: another key would let a taken email be taken again.
package struct SystemHasher: KeyedHasher {
    private let key: SymmetricKey

    /// Reads the claim key from the vault; the first process to ask makes it.
    package static func open(_ pool: ConnectionPool, masterKey: MasterKey) async throws -> SystemHasher {
        let fresh = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        // Two processes may start at once: both read what the first of them stored.
        try await pool.query(.createSystemKey, [.text("claims"), .bytes(try masterKey.wrap(fresh, for: "claims"))])
        guard let row = try await pool.query(.readSystemKey, [.text("claims")]).first else { throw VaultError.unusableMasterKey }
        return SystemHasher(key: SymmetricKey(data: try masterKey.unwrap(try row.get(0), for: "claims")))
    }

    package init(key: SymmetricKey) {
        self.key = key
    }

    package func hash(_ parts: [String]) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        for part in parts {
            // Each part is preceded by its length, so ["ab", "c"] and ["a", "bc"] differ.
            withUnsafeBytes(of: UInt64(part.utf8.count).bigEndian) { code.update(data: Array($0)) }
            code.update(data: Array(part.utf8))
        }
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

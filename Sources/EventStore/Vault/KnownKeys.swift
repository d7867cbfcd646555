import Crypto
import EventSourcing
package import Postgres

/// The keys outside of the databases that the vault has met. Only fingerprints are kept, wrapped by the master key.
package enum KnownKeys: String, Sendable {
    /// The claim key, which the vault itself holds: the master key has wrapped it.
    case claims
    /// The key by which services trust each other.
    case service

    /// The keys that the vault knows. Where it knows any, it knows the master key.
    /// - Parameter pool: the vault's database with a right to SELECT on `vault.system_keys`.
    package static func read(_ pool: ConnectionPool) async throws -> Set<KnownKeys> {
        Set(try await pool.query(.knownKeys).compactMap { KnownKeys(rawValue: try $0.get(0)) })
    }

    /// Whether a key is the one that the vault knows; the first one is noted. Throws `VaultError` when the master key is another.
    package static func confirm(_ name: KnownKeys, _ secret: [UInt8], masterKey: MasterKey, _ pool: ConnectionPool) async throws -> Bool {
        let fingerprint = Array(SHA256.hash(data: secret))
        try await pool.query(.noteKey, [.text(name.rawValue), .bytes(try masterKey.wrap(fingerprint, for: name.rawValue))])
        guard let row = try await pool.query(.noted, [.text(name.rawValue)]).first else { return false }
        return try masterKey.unwrap(try row.get(0), for: name.rawValue) == fingerprint
    }
}

extension Statement {
    fileprivate static let knownKeys = Statement("vault_known_keys", "SELECT name FROM vault.system_keys")

    fileprivate static let noteKey = Statement(
        "vault_note_key", "INSERT INTO vault.system_keys (name, wrapped) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")

    fileprivate static let noted = Statement("vault_noted_key", "SELECT wrapped FROM vault.system_keys WHERE name = $1")
}

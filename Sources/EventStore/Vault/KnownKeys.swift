package import Postgres

/// The keys outside of the databases that belong to them, by a public name of each: two systems on the same databases must not use different ones.
package struct KnownKeys: Sendable {
    private let pool: ConnectionPool

    /// - Parameter pool: the vault's database, with the rights of the command service.
    package init(_ pool: ConnectionPool) { self.pool = pool }

    /// Whether the vault holds a key that only the master key opens.
    package func needsMasterKey() async throws -> Bool { try await pool.query(.hasSystemKey).count > 0 }

    /// The key that goes by this name; nil before the first start.
    package func key(_ name: String) async throws -> String? { try await pool.query(.knownKey, [.text(name)]).first?.get(0) }

    /// Notes `key` unless another one is known that it does not replace. Returns the one that is known then.
    package func note(_ name: String, _ key: String, replacing former: [String] = []) async throws -> String? {
        try await pool.query(.noteKey, [.text(name), .text(key), .texts(former)])
        return try await self.key(name)
    }
}

extension Statement {
    fileprivate static let hasSystemKey = Statement("vault_has_system_key", "SELECT FROM vault.system_keys LIMIT 1")

    fileprivate static let knownKey = Statement("vault_known_key", "SELECT key FROM vault.known_keys WHERE name = $1")

    fileprivate static let noteKey = Statement(
        "vault_note_key",
        """
        INSERT INTO vault.known_keys AS known (name, key) VALUES ($1, $2)
        ON CONFLICT (name) DO UPDATE SET key = excluded.key WHERE known.key = ANY ($3)
        """)
}

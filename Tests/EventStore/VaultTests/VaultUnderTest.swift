import Crypto
import Postgres
import TestSupport
import Vault

/// A vault's database, and processes that come to it with the rights of a role.
struct VaultUnderTest: Sendable {
    private let owner: ConnectionTarget

    /// Runs `body` with an empty vault.
    static func with(_ body: (VaultUnderTest) async throws -> Void) async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/vault") { try await body(VaultUnderTest(owner: $0)) }
    }

    static func masterKey(_ byte: String = "5a") -> MasterKey {
        guard let key = MasterKey(hexadecimal: String(repeating: byte, count: 32)) else { preconditionFailure("\(byte) is no byte") }
        return key
    }

    /// Connections with the rights of a role; nil is the owner.
    func pool<T: Sendable>(as role: String?, _ body: (ConnectionPool) async throws -> T) async throws -> T {
        var target = owner
        target.role = role
        return try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger, body)
    }

    /// The keys as the command service has them.
    func keys(keepFor: Duration = .seconds(3600), masterKey: MasterKey = masterKey(), _ body: (KeyVault) async throws -> Void) async throws {
        try await pool(as: "annals_commands") { try await body(KeyVault($0, masterKey: masterKey, keepFor: keepFor)) }
    }

    /// The keys as the auth service has them, the one that destroys.
    func destroyer(_ body: (KeyVault) async throws -> Void) async throws {
        try await pool(as: "annals_auth") { try await body(KeyVault($0, masterKey: Self.masterKey())) }
    }

    /// Runs SQL with the rights of a role; nil is the owner.
    func run(_ sql: String, as role: String? = nil) async throws {
        try await pool(as: role) { pool in try await pool.withSession { try await $0.execute(script: sql) } }
    }

    /// One value as text, as the owner sees it.
    func value(_ sql: String) async throws -> String? {
        try await pool(as: nil) { try await $0.query(Statement("probe", "SELECT (\(sql))::text")).first?.get(0, as: String?.self) }
    }
}

extension KeyVault.DataKey {
    /// The key's bytes; nil when it was destroyed.
    var bytes: [UInt8]? {
        switch self {
        case .usable(let key): key.withUnsafeBytes { Array($0) }
        case .destroyed, .damaged: nil
        }
    }
}

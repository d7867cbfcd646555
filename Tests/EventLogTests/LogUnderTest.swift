import Crypto
import EventLog
import EventSourcing
import FoundationEssentials
import LogContract
import Logging
import Postgres
import TestSupport
import Vault

/// A log on real PostgreSQL with the rights that its services have, for one test.
struct LogUnderTest: Sendable {
    let store: PostgresEventStore
    let vault: KeyVault
    /// The log's database as its owner.
    let owner: ConnectionTarget
    let vaultOwner: ConnectionTarget
    let catalog: EventCatalog

    /// Events with a personal field, beside the contract's.
    static let catalog = EventCatalog([
        EventSchema("Noted", in: "contract", [.open("note", .text)]),
        EventSchema("Said", in: "contract", [.open("by", .id), .personal("words")]),
    ])

    static func with(limits: AppendLimits = AppendLimits(), _ body: @Sendable (LogUnderTest) async throws -> Void) async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { log in
            try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/vault") { vault in
                try await with(log: log, vault: vault, limits: limits, body)
            }
        }
    }

    /// Another process on the same log.
    func another(_ body: @Sendable (LogUnderTest) async throws -> Void) async throws {
        try await Self.with(log: owner, vault: vaultOwner, limits: AppendLimits(), body)
    }

    private static func with(
        log: ConnectionTarget, vault: ConnectionTarget, limits: AppendLimits, _ body: @Sendable (LogUnderTest) async throws -> Void
    ) async throws {
        let logger = Logger(label: "log under test") { _ in SwiftLogNoOpLogHandler() }
        let pool = ConnectionPool(log.acting(as: "annals_commands"), logger: logger)
        let vaultPool = ConnectionPool(vault.acting(as: "annals_commands"), logger: logger)
        guard let masterKey = MasterKey(hexadecimal: String(repeating: "5a", count: 32)) else { preconditionFailure("a constant key") }
        let keys = KeyVault(vaultPool, masterKey: masterKey)
        let head = HeadWatch(pool, direct: log.acting(as: "annals_commands"), logger: logger)
        let store = PostgresEventStore(
            pool, head: head, vault: keys, hasher: SystemHasher(key: SymmetricKey(data: Array(repeating: 7, count: 32))), catalog: catalog,
            limits: limits,
            logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            group.addTask { try await vaultPool.run() }
            group.addTask { try await head.run() }
            group.addTask { try await store.run() }
            defer { group.cancelAll() }
            try await body(LogUnderTest(store: store, vault: keys, owner: log, vaultOwner: vault, catalog: catalog))
        }
    }

    /// Runs SQL in the log's database with the rights of a role; nil is its owner.
    func run(_ sql: String, as role: String? = nil) async throws {
        var target = owner
        target.role = role
        try await ConnectionPool.withPool(target, logger: Logger(label: "sql") { _ in SwiftLogNoOpLogHandler() }) { pool in
            try await pool.withSession { try await $0.execute(script: sql) }
        }
    }

    /// Runs SQL in the vault's database as its owner.
    func runInVault(_ sql: String) async throws {
        try await ConnectionPool.withPool(vaultOwner, logger: Logger(label: "sql") { _ in SwiftLogNoOpLogHandler() }) { pool in
            try await pool.withSession { try await $0.execute(script: sql) }
        }
    }

    /// One value from the log's database, as text.
    func value(_ sql: String) async throws -> String {
        try await ConnectionPool.withPool(owner, logger: Logger(label: "sql") { _ in SwiftLogNoOpLogHandler() }) { pool in
            try await pool.query(Statement("probe", "SELECT (\(sql))::text")).first?.get(0, as: String?.self) ?? ""
        }
    }
}

extension ConnectionTarget {
    fileprivate func acting(as role: String) -> ConnectionTarget {
        var target = self
        target.role = role
        return target
    }
}

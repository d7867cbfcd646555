import Crypto
package import EventLog
package import EventSourcing
import Logging
package import Postgres
package import TestSupport
package import Vault

/// A log on real PostgreSQL with the rights that its services have, for one test.
package struct LogUnderTest: Sendable {
    package let store: PostgresEventStore
    package let vault: KeyVault
    package let hasher: SystemHasher
    /// The log's database as its owner.
    package let owner: ConnectionTarget
    private let vaultOwner: ConnectionTarget
    private let catalog: EventCatalog

    /// Runs `body` on an empty log whose events are those of the catalog.
    package static func open(
        _ catalog: EventCatalog, limits: AppendLimits = AppendLimits(), _ body: @Sendable (LogUnderTest) async throws -> Void
    ) async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { log in
            try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/vault") { vault in
                try await open(log: log, vault: vault, catalog, limits: limits, body)
            }
        }
    }

    /// Another process on the same log. It can be one that does not listen, and its poll can go by another clock.
    package func another(
        listening: Bool = true, clock: any Clock<Duration> = ContinuousClock(), _ body: @Sendable (LogUnderTest) async throws -> Void
    ) async throws {
        try await Self.open(log: owner, vault: vaultOwner, catalog, limits: AppendLimits(), listening: listening, clock: clock, body)
    }

    /// Runs `body` on a log in a server that the test may restart.
    package static func open(
        _ catalog: EventCatalog, on server: RestartableServer, limits: AppendLimits = AppendLimits(),
        _ body: @Sendable (LogUnderTest) async throws -> Void
    ) async throws {
        let log = try await server.makeDatabase("log", migrations: repositoryRoot + "/migrations/log")
        let vault = try await server.makeDatabase("vault", migrations: repositoryRoot + "/migrations/vault")
        try await open(log: log, vault: vault, catalog, limits: limits, body)
    }

    /// A reader of the same log in its stored form.
    package func storedForm(_ body: @Sendable (PostgresEventStore) async throws -> Void) async throws {
        try await Self.open(log: owner, vault: vaultOwner, catalog, limits: AppendLimits(), form: .stored) { try await body($0.store) }
    }

    private static func open(
        log: ConnectionTarget, vault: ConnectionTarget, _ catalog: EventCatalog, limits: AppendLimits, form: EventForm = .opened,
        listening: Bool = true, clock: any Clock<Duration> = ContinuousClock(),
        _ body: @Sendable (LogUnderTest) async throws -> Void
    ) async throws {
        let logger = Logger(label: "log under test") { _ in SwiftLogNoOpLogHandler() }
        let pool = ConnectionPool(log.acting(as: "annals_commands"), limits: .patient, logger: logger)
        let vaultPool = ConnectionPool(vault.acting(as: "annals_commands"), limits: .patient, logger: logger)
        guard let masterKey = MasterKey(hexadecimal: String(repeating: "5a", count: 32)) else { preconditionFailure("a constant key") }
        let keys = KeyVault(vaultPool, masterKey: masterKey)
        let head = HeadWatch(pool, direct: listening ? log.acting(as: "annals_commands") : nil, clock: clock, logger: logger)
        let hasher = SystemHasher(key: SymmetricKey(data: Array(repeating: 7, count: 32)))
        let store = PostgresEventStore(
            pool, head: head, vault: keys, hasher: hasher, catalog: catalog, form: form, limits: limits, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pool.run() }
            group.addTask { try await vaultPool.run() }
            group.addTask { try await head.run() }
            group.addTask { try await store.run() }
            defer { group.cancelAll() }
            try await body(LogUnderTest(store: store, vault: keys, hasher: hasher, owner: log, vaultOwner: vault, catalog: catalog))
        }
    }

    /// Runs SQL in the log's database with the rights of a role; nil is its owner.
    package func run(_ sql: String, as role: String? = nil) async throws {
        var target = owner
        target.role = role
        try await Self.run(sql, in: target)
    }

    /// Connections to the log's database with the rights of a role; nil is its owner.
    package func withPool<Value: Sendable>(as role: String?, _ body: (ConnectionPool) async throws -> Value) async throws -> Value {
        var target = owner
        target.role = role
        return try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger, body)
    }

    /// Runs SQL in the vault's database as its owner.
    package func runInVault(_ sql: String) async throws { try await Self.run(sql, in: vaultOwner) }

    /// One value from the log's database, as text.
    package func value(_ sql: String) async throws -> String { try await Self.value(sql, in: owner) }

    /// One value from the vault's database, as text.
    package func valueInVault(_ sql: String) async throws -> String { try await Self.value(sql, in: vaultOwner) }

    /// A session in the log's database as its owner.
    package func withSession<Value: Sendable>(_ body: @Sendable @escaping (Session) async throws -> Value) async throws -> Value {
        try await ConnectionPool.withPool(owner, limits: .patient, logger: TestCluster.logger) { try await $0.withSession(body) }
    }

    private static func run(_ sql: String, in target: ConnectionTarget) async throws {
        try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { try await $0.execute(script: sql) }
        }
    }

    private static func value(_ sql: String, in target: ConnectionTarget) async throws -> String {
        try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
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

extension LogUnderTest {
    /// Appends, and tells whether the outcome stays unknown.
    package func losesOutcome(of request: AppendRequest) async throws -> Bool {
        do {
            _ = try await store.append(request)
            return false
        } catch EventStoreError.outcomeUnknown {
            return true
        }
    }
}

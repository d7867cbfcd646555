import ArgumentParser
import EventLog
import EventSourcing
import FoundationEssentials
import Logging
import Postgres
import Publishing
import Vault

/// Where the measured log is.
struct LogOptions: ParsableArguments {
    @Option(help: "The log database's URL.") var log: String
    @Option(help: "The vault database's URL.") var vault: String
}

/// The log as the command service runs it: its roles, its vault, its limits.
struct MeasuredLog: Sendable {
    let store: PostgresEventStore
    let vault: KeyVault
    /// The log's database as its owner.
    let pool: ConnectionPool

    static func open<T: Sendable>(_ options: LogOptions, limits: AppendLimits = AppendLimits(), _ body: @Sendable (MeasuredLog) async throws -> T)
        async throws -> T
    {
        let logger = Logger(label: "benchmark")
        var log = try ConnectionTarget(url: options.log)
        let owner = ConnectionPool(log, logger: logger)
        log.role = "annals_commands"
        var vault = try ConnectionTarget(url: options.vault)
        let vaultOwner = vault
        vault.role = "annals_commands"
        let pool = ConnectionPool(log, logger: logger)
        let appendPool = ConnectionPool(log, limits: .appends(), logger: logger)
        let vaultPool = ConnectionPool(vault, logger: logger)
        guard let masterKey = MasterKey(hexadecimal: String(repeating: "5a", count: 32)) else { throw ValidationError("a constant key") }
        let keys = KeyVault(vaultPool, masterKey: masterKey)
        let head = HeadWatch(pool, direct: log, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for pool in [owner, pool, appendPool, vaultPool] { group.addTask { try await pool.run() } }
            defer { group.cancelAll() }
            let hasher = try await ConnectionPool.withPool(vaultOwner, logger: logger) { try await SystemHasher.open($0, masterKey: masterKey) }
            let store = PostgresEventStore(
                pool, appends: appendPool, head: head, vault: keys, hasher: hasher, catalog: .publishing, limits: limits,
                logger: logger)
            group.addTask { try await head.run() }
            group.addTask { try await store.run() }
            return try await body(MeasuredLog(store: store, vault: keys, pool: owner))
        }
    }
}

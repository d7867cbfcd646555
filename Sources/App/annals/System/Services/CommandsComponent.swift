import Audit
import CommandService
import EventLog
import EventSourcing
import Gateway
import HTTPContract
import Logging
import Postgres
import Publishing
import ServiceLifecycle
import Vault
import WebhookDelivery

/// The command service with what it depends on: the log, which it alone appends to, and the vault.
struct CommandsComponent {
    /// As `annals_commands`.
    struct Databases {
        let log, vault: ConnectionTarget
        let logDirect: ConnectionTarget?
    }

    let responder: ServiceResponder
    let readiness: Readiness
    let log: PostgresEventStore
    /// The data keys that it has opened.
    let openedKeys: KeyVault
    let runs: [any Service]

    init(
        _ databases: Databases, _ secrets: CommandsSecrets, head: HeadWatch, tokens: TokenChecks, webhookNetworks: [AddressBlock],
        limits: PoolLimits, logger: Logger
    ) async throws {
        let pools = (
            log: ConnectionPool(databases.log, limits: limits.sharing(4), logger: logger),
            appends: ConnectionPool(databases.log, limits: .appends(limits), logger: logger),
            vault: ConnectionPool(databases.vault, limits: limits.sharing(2), logger: logger)
        )
        // The hasher reads its key from the vault before anything else runs.
        let hasher = try await ConnectionPool.withPool(databases.vault, logger: logger) {
            try await SystemHasher.open($0, masterKey: secrets.masterKey)
        }
        let keys = KeyVault(pools.vault, masterKey: secrets.masterKey)
        let catalog = EventCatalog.annals
        let log = PostgresEventStore(pools.log, appends: pools.appends, head: head, vault: keys, hasher: hasher, catalog: catalog, logger: logger)
        let sealed = PostgresEventStore(pools.log, head: head, vault: nil, hasher: nil, catalog: catalog, logger: logger)
        let commands = Commands(
            store: log, catalog: catalog, keys: keys, hasher: hasher, cache: CachedStates(following: sealed, logger: logger),
            audit: MerkleLog(pools.log), trail: OpenedTrail(AuditTrail(pools.log)) { try await log.open($0) },
            webhooks: WebhookAccess(secrets: keys, addresses: ReachableAddresses(allowing: webhookNetworks)), verifier: tokens.verifier,
            services: secrets.services, logger: logger)

        let archive = ServerAge.archiveFailure(pools.log, logger: logger)
        Metrics.show(archiveFailure: archive)

        self.log = log
        openedKeys = keys
        responder = commands.responder
        readiness = Readiness(
            checks: [
                // Each answers, and takes writes where the last one did not succeed.
                Readiness.Check("log") {
                    _ = try await log.head()
                    try await pools.appends.confirmWrites()
                },
                Readiness.Check("vault") {
                    try await pools.vault.query(.isAlive)
                    try await pools.vault.confirmWrites()
                },
                .durability(of: [("log", pools.log), ("vault", pools.vault)]),
                Readiness.Check("clock", isRequired: false) { try await log.confirmClock() },
            ], progress: { Readiness.Progress(head: try await log.head()) }, logger: logger)
        runs =
            LongRunning.pools([pools.log, pools.appends, pools.vault]) + [
                LongRunning("keys") { try await keys.followDestructions(logger: logger) },
                LongRunning("log") { try await log.run() },
                LongRunning("commands") { try await commands.run() },
                LongRunning("receipts") { try await ReceiptPruning(pools.log, logger: logger).run() },
                LongRunning("WAL archive") { try await archive.run() },
            ]
    }
}

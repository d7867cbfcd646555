import Audit
import EventLog
import EventSourcing
import Gateway
import Logging
import Postgres
import Projections
import Publishing
import QueryService
import ServiceLifecycle
import Vault

/// The followers of the log: the projectors of the read models, and the one that grows and signs the Merkle tree.
struct ProjectorComponent {
    /// As `annals_projector`.
    struct Databases {
        let log, vault, readDirect: ConnectionTarget
        let logDirect: ConnectionTarget?
    }

    let readiness: Readiness
    /// The data keys that it has opened.
    let openedKeys: KeyVault
    let runs: [any Service]

    init(
        _ databases: Databases, _ secrets: ProjectorSecrets, folder: String, rebuildsStale: Bool, head: HeadWatch, limits: PoolLimits, logger: Logger
    ) throws {
        let pools = (
            log: ConnectionPool(databases.log, limits: limits.sharing(2), logger: logger),
            vault: ConnectionPool(databases.vault, limits: limits.sharing(2), logger: logger),
            leases: ConnectionPool(databases.readDirect, limits: limits.sharing(1), logger: logger)
        )
        let catalog = EventCatalog.annals
        let keys = KeyVault(pools.vault, masterKey: secrets.masterKey)
        let opened = PostgresEventStore(pools.log, head: head, vault: keys, hasher: nil, catalog: catalog, logger: logger)
        let projectors = try ProjectorGroup(
            folder: folder, target: databases.readDirect, pool: pools.leases, store: opened, catalog: catalog, logger: logger)
        let maintenance = Maintenance(databases.readDirect, store: opened, catalog: catalog, readers: ReadStatements.all, logger: logger)
        let merkle = MerkleFollower(pools.log, wokenBy: opened, signer: secrets.auditSigner, file: secrets.lastCheckpoint, logger: logger)

        Metrics.show(projectors, merkle, head: head)
        openedKeys = keys
        readiness = Readiness(
            checks: [
                Readiness.Check("log") { _ = try await opened.head() },
                Readiness.Check("read") {
                    try await pools.leases.query(.isAlive)
                    try await pools.leases.confirmWrites()
                },
                Readiness.Check("vault") { try await pools.vault.query(.isAlive) },
                // Requests are served without it. The operator decides what to do about a log that can't be signed any more.
                Readiness.Check("audit", isRequired: false) { try merkle.confirmRunning() },
            ], logger: logger)
        runs =
            LongRunning.pools([pools.log, pools.vault, pools.leases]) + [
                // Stopped after the projectors, whose leases it gives back.
                ShutdownHook { await projectors.release() },
                ShutdownHook { await merkle.release() },
                LongRunning("keys") { try await keys.followDestructions(logger: logger) },
                LongRunning("merkle") { try await merkle.run() },
                LongRunning("projectors") { try await projectors.run() },
                StaleReadModels(
                    isRebuilding: rebuildsStale, folder: folder, read: pools.leases, maintenance: maintenance, logger: logger),
                LongRunning("scrubbing") { try await TableScrubbing(maintenance, pool: pools.leases, logger: logger).run() },
            ]
    }
}

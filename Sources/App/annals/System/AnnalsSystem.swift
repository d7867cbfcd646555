import Audit
import AuthService
import CommandService
import Crypto
import EventLog
import EventSourcing
import FoundationEssentials
import Gateway
import HTTPContract
import Hummingbird
import HummingbirdCore
import Logging
import Postgres
import Projections
import Publishing
import QueryService
import ServiceLifecycle
import UnixSignals
import Vault

/// Everything in one process: the composition root. Read it from top to bottom to see what depends on what.
struct AnnalsSystem {
    let settings: Settings
    let installation: Installation
    let directory: DataDirectory
    let secrets: Secrets
    let databases: Databases
    let logger: Logger

    /// Runs until SIGINT or SIGTERM. Says one line when it is ready.
    func run() async throws {
        let serviceKey = ServiceKey(bytes: secrets.serviceKey)
        let catalog = EventCatalog.publishing

        // Each service reaches each database with its own rights and no others.
        let commandsLog = pool(databases.log, as: "annals_commands", multiplexed: 4)
        let appends = ConnectionPool(databases.log.acting(as: "annals_commands"), limits: .appends, logger: logger)
        let commandsVault = pool(databases.vault, as: "annals_commands")
        let projectorLog = pool(databases.log, as: "annals_projector")
        let projectorVault = pool(databases.vault, as: "annals_projector")
        let authVault = pool(databases.vault, as: "annals_auth")
        let authLog = pool(databases.log, as: "annals_auth")
        let identity = pool(databases.identity, as: "annals_auth")
        let read = pool(databases.read, as: "annals_queries", multiplexed: 4)
        let leases = pool(databases.readDirect, as: "annals_projector", multiplexed: 1)
        let pools = [commandsLog, appends, commandsVault, projectorLog, projectorVault, authVault, authLog, identity, read, leases]

        // The hasher reads its key from the vault before anything else runs.
        let hasher = try await ConnectionPool.withPool(databases.vault.acting(as: "annals_commands"), logger: logger) { [secrets] in
            try await SystemHasher.open($0, masterKey: secrets.masterKey)
        }

        let head = HeadWatch(projectorLog, direct: databases.logDirect?.acting(as: "annals_projector"), logger: logger)
        let keys = KeyVault(commandsVault, masterKey: secrets.masterKey)
        let log = PostgresEventStore(
            commandsLog, appends: appends, head: head, vault: keys, hasher: hasher, catalog: catalog, logger: logger)
        let trail = OpenedTrail(AuditTrail(commandsLog)) { try await log.open($0) }
        let projectorKeys = KeyVault(projectorVault, masterKey: secrets.masterKey)
        let opened = PostgresEventStore(projectorLog, head: head, vault: projectorKeys, hasher: nil, catalog: catalog, logger: logger)
        let closures = PostgresEventStore(commandsLog, head: head, vault: nil, hasher: nil, catalog: catalog, logger: logger)
        let sealed = PostgresEventStore(authLog, head: head, vault: nil, hasher: nil, catalog: catalog, logger: logger)

        // Each service verifies tokens by itself, with the keys that auth publishes and the endings that its feed tells.
        let book = RevocationBook(patience: .seconds(60))
        let endings = RevocationSignal()
        let signingKeys = SigningKeys(identity: identity, wrapping: secrets.wrapping)
        let verifier = { (service: String) in TokenVerifier(audience: service, revocations: book, fetchKeys: { try await signingKeys.published() }) }
        let auditKey = settings.auditKey(in: directory)
        let (signer, retired) = try settings.auditSigner(
            auditKey, newest: try await settings.newestCheckpoint(databases, logger: logger), logger: logger)
        let merkle = MerkleFollower(
            projectorLog, wokenBy: sealed, signer: signer, after: retired, file: auditKey.lastCheckpoint, logger: logger)
        let cache = CachedStates(following: closures, logger: logger)
        let commands = LocalUpstream(
            commandService(
                store: log, keys: keys, hasher: hasher, cache: cache, audit: MerkleLog(commandsLog), trail: trail, verifier: verifier("commands"),
                serviceKey: serviceKey, logger: logger))
        let projectors = try ProjectorGroup(
            folder: installation.projections, target: databases.readDirect.acting(as: "annals_projector"), pool: leases, store: opened,
            catalog: catalog, logger: logger)
        let maintenance = Maintenance(
            databases.readDirect.acting(as: "annals_projector"), store: opened, catalog: catalog, readers: ReadStatements.all, logger: logger)
        let positions = ReadModelPositions(read, listeningOn: databases.readDirect.acting(as: "annals_queries"), logger: logger)
        let queries = queryService(
            read: read, positions: positions, commands: ServiceClient(name: "queries", audience: "commands", upstream: commands, key: serviceKey),
            verifier: verifier("queries"), serviceKey: serviceKey, logger: logger)

        // Other processes forget an opened key within a minute; this one at once.
        let destroyer = KeyVault(authVault, masterKey: secrets.masterKey)
        let erasure = ErasureMeans(
            posts: { try await sealed.posts(by: $0, in: $1) },
            queries: ServiceClient(name: "auth", audience: "queries", upstream: LocalUpstream(queries.responder), key: serviceKey),
            destroyKey: { user in
                try await destroyer.destroyKey(of: user)
                for vault in [keys, projectorKeys] { vault.noteDestruction(of: user) }
            })
        let auth = AuthService(
            identity: identity, log: sealed, currentClaims: { try await sealed.currentClaims($0, of: $1) },
            commands: ServiceClient(name: "auth", audience: "commands", upstream: commands, key: serviceKey), erasure: erasure, hasher: hasher,
            keys: signingKeys, serviceKey: serviceKey, book: book, endings: endings, logger: logger)
        let authUpstream = LocalUpstream(auth.responder)
        let revocations = RevocationFollower(
            book, signal: endings, logger: logger,
            feed: ServiceClient(name: "services", audience: "auth", upstream: authUpstream, key: serviceKey).revocationFeed)

        let door = gateway(
            auth: authUpstream, commands: commands, queries: LocalUpstream(queries.responder),
            readiness: readiness(log: log, read: read, identity: identity, vault: commandsVault, accounts: auth.follower, merkle: merkle),
            settings: settings.door.gateway, admission: RateLimits(settings.door.rateLimits, verifier: verifier("gateway")).admission, logger: logger)
        let server = Application(
            responder: door, server: .watchedHTTP1(settings.door.connections),
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port), serverName: nil),
            onServerRunning: { channel in
                let port = channel.localAddress?.port ?? settings.port
                printLine("Annals is ready at http://\(settings.host):\(port) (data in \(settings.dataDirectory))")
            },
            logger: logger)

        // Started in this order and stopped in reverse: the server first, the pools last.
        var services: [any Service] = pools.map { pool in LongRunning("pool") { try await pool.run() } }
        services += [
            LongRunning("head") { try await head.run() },
            LongRunning("log") { try await log.run() },
            LongRunning("cache") { try await cache.run() },
            LongRunning("receipts") { try await ReceiptPruning(commandsLog, logger: logger).run() },
            // Stopped after the projectors, whose leases it gives back.
            LastWord { await projectors.release() },
            LastWord { await merkle.release() },
            LongRunning("merkle") { try await merkle.run() },
            LongRunning("projectors") { try await projectors.run() },
            LongRunning("positions") { try await positions.run() },
            StaleReadModels(
                isRebuilding: settings.rebuildsStale, folder: installation.projections, read: leases, maintenance: maintenance, logger: logger),
            LongRunning("scrubbing") { try await TableScrubbing(maintenance, pool: leases, logger: logger).run() },
            LongRunning("auth") {
                do {
                    try await auth.run()
                } catch EventStoreError.broken(let reason) {
                    // Who may sign in is not known any more, so nothing goes on.
                    logger.critical("the log is not the one that the accounts have followed: the process ends", metadata: ["reason": "\(reason)"])
                    throw Failure(EventStoreError.broken(reason: reason).line)
                }
            },
            LongRunning("revocations") { await revocations.run() },
            queries.views,
            Door(server: server) {
                _ = try await positions.wait(for: 0, models: projectors.models, timeout: .seconds(30))
                // Until the feed has answered once no token is taken.
                await revocations.look()
            },
        ]
        var group = ServiceGroupConfiguration(services: services, gracefulShutdownSignals: [.sigint, .sigterm], logger: logger)
        // Then what still runs is cancelled; pools close over queries in flight after a second.
        group.maximumGracefulShutdownDuration = .seconds(2)
        try await ServiceGroup(configuration: group).run()
    }

    /// What `/ready` asks.
    private func readiness(
        log: PostgresEventStore, read: ConnectionPool, identity: ConnectionPool, vault: ConnectionPool, accounts: AccountFollower,
        merkle: MerkleFollower
    ) -> Readiness {
        let alive = Statement("is_alive", "SELECT 1")
        return Readiness(
            checks: [
                Readiness.Check("log") { _ = try await log.head() },
                Readiness.Check("read") { try await read.query(alive) },
                Readiness.Check("identity") { try await identity.query(alive) },
                Readiness.Check("vault") { try await vault.query(alive) },
                // While they are behind the log no token is taken.
                Readiness.Check("accounts") { try await accounts.confirmLevel() },
                // Requests are served without it: whoever looks after the system decides what a log that can't be signed any more means.
                Readiness.Check("audit", isRequired: false) { try merkle.confirmRunning() },
            ],
            projections: {
                let head = try await log.head()
                // Asked anew: at a start the last poll may be from before the leases were taken.
                return try await ReadModelStatus.readAll(from: read).map {
                    Readiness.Projection(
                        name: $0.model, position: $0.position, lag: max(0, head - $0.position), state: $0.state.rawValue, parked: $0.parkedStreams)
                }
            }, logger: logger)
    }

    private func pool(_ target: ConnectionTarget, as role: String, multiplexed: Int = 2) -> ConnectionPool {
        var limits = PoolLimits()
        limits.multiplexedConnections = multiplexed
        // A caller is better told soon that a database is away than kept until its own patience ends.
        limits.acquireTimeout = .seconds(3)
        return ConnectionPool(target.acting(as: role), limits: limits, logger: logger)
    }
}

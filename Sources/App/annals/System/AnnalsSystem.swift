import AccessTokens
import Audit
import AuthService
import CommandService
import EventLog
import EventSourcing
import Gateway
import HTTPContract
import Logging
import Postgres
import Projections
import Publishing
import PublishingAPI
import QueryService
import ServiceLifecycle
import Vault

/// Everything in one process: the composition root. Read it from top to bottom to see what depends on what.
struct AnnalsSystem {
    let settings: Settings
    let installation: Installation
    let keys: KeyFiles
    let databases: Databases
    let stop: StopSignals
    let logger: Logger

    /// Runs until it is told to stop. Says one line when it is ready.
    func run() async throws {
        let pools = Pools(databases, limits: settings.pools, logger: logger)
        let catalog = EventCatalog.publishing
        let (masterKey, services, auditSigner) = (try keys.masterKey(), try keys.services.read(), try keys.auditSigner())
        let identities = try ServiceIdentities(keys.identity)
        // The hasher reads its key from the vault before anything else runs.
        let hasher = try await ConnectionPool.withPool(databases.vault.acting(as: "annals_commands"), logger: logger) {
            try await SystemHasher.open($0, masterKey: masterKey)
        }

        // The log: as the command service writes it, as the projector reads it opened, and as others read it sealed.
        let head = HeadWatch(pools.projectorLog, direct: databases.logDirect?.acting(as: "annals_projector"), logger: logger)
        func store(_ pool: ConnectionPool, appends: ConnectionPool? = nil, vault: KeyVault? = nil, hasher: SystemHasher? = nil) -> PostgresEventStore
        {
            PostgresEventStore(pool, appends: appends, head: head, vault: vault, hasher: hasher, catalog: catalog, logger: logger)
        }
        let commandsKeys = KeyVault(pools.commandsVault, masterKey: masterKey)
        let projectorKeys = KeyVault(pools.projectorVault, masterKey: masterKey)
        let log = store(pools.commandsLog, appends: pools.appends, vault: commandsKeys, hasher: hasher)
        let opened = store(pools.projectorLog, vault: projectorKeys)
        let sealed = store(pools.authLog)

        // Tokens are verified once a process, with the keys that auth publishes and the revocations that its feed tells.
        let revocations = RevocationList(patience: .seconds(60))
        let revocationSignal = Signal()
        let signingKeys = SigningKeys(identity: pools.identity, wrapping: KeyWrapping(masterKey))
        let verifier = TokenVerifier(revocations: revocations, fetchKeys: { try await signingKeys.published() })

        // The command service, and the followers of the log.
        let cache = CachedStates(following: store(pools.commandsLog), logger: logger)
        let commands = Commands(
            store: log, catalog: catalog, keys: commandsKeys, hasher: hasher, cache: cache, audit: MerkleLog(pools.commandsLog),
            trail: OpenedTrail(AuditTrail(pools.commandsLog)) { try await log.open($0) }, verifier: verifier, services: services, logger: logger)
        let merkle = MerkleFollower(
            pools.projectorLog, wokenBy: sealed, signer: auditSigner, file: keys.auditFile.lastCheckpoint,
            logger: logger)
        let projector = databases.readDirect.acting(as: "annals_projector")
        let projectors = try ProjectorGroup(
            folder: installation.projections, target: projector, pool: pools.leases, store: opened, catalog: catalog, logger: logger)
        let maintenance = Maintenance(projector, store: opened, catalog: catalog, readers: ReadStatements.all, logger: logger)

        // The query service.
        let positions = ReadModelPositions(pools.read.shared, listeningOn: databases.readDirect.acting(as: "annals_queries"), logger: logger)
        let queries = Queries(
            read: pools.read, positions: positions,
            commands: ServiceClient(identities[.queries], audience: .commands, upstream: commands.responder), verifier: verifier,
            services: services, cursorKey: try keys.cursorKey(), logger: logger)

        // The auth service. Other processes forget an opened key within a minute after its destruction; this one at once.
        let destroyer = KeyVault(pools.authVault, masterKey: masterKey)
        let erasure = ErasurePorts(
            posts: { try await sealed.posts(by: $0, in: $1) },
            queries: ServiceClient(identities[.auth], audience: .queries, upstream: queries.responder),
            destroyKey: { user in
                try await destroyer.destroyKey(of: user)
                for vault in [commandsKeys, projectorKeys] { vault.noteDestruction(of: user) }
            })
        let auth = Auth(
            identity: pools.identity, log: sealed, currentClaims: { try await sealed.currentClaims($0, of: $1) },
            commands: ServiceClient(identities[.auth], audience: .commands, upstream: commands.responder), erasure: erasure,
            hasher: hasher, keys: signingKeys, verifier: verifier, services: services, revocationSignal: revocationSignal, settings: settings.auth,
            logger: logger)
        let authResponder = auth.responder
        let follower = RevocationFollower(
            revocations, signal: revocationSignal, logger: logger,
            feed: ServiceClient(identities[.gateway], audience: .auth, upstream: authResponder).revocationFeed)

        // The gateway, which clients reach.
        let gateway = APIGateway(
            auth: authResponder, commands: commands.responder, queries: queries.responder,
            readiness: readiness(pools, log: log, accounts: auth.follower, merkle: merkle), pages: try Pages(root: installation.root),
            verifier: verifier, settings: try gatewaySettings(), limits: RateLimits(settings.rateLimits), logger: logger)

        // Started in this order and stopped in reverse: the gateway first, the pools last.
        var running: [any Service] = pools.all.map { pool in LongRunning("pool") { try await pool.run() } }
        running += [
            LongRunning("head") { try await head.run() },
            LongRunning("log") { try await log.run() },
            LongRunning("commands") { try await commands.run() },
            LongRunning("receipts") { try await ReceiptPruning(pools.commandsLog, logger: logger).run() },
            // Stopped after the projectors, whose leases it gives back.
            ShutdownHook { await projectors.release() },
            ShutdownHook { await merkle.release() },
            LongRunning("merkle") { try await merkle.run() },
            LongRunning("projectors") { try await projectors.run() },
            StaleReadModels(
                isRebuilding: settings.rebuildsStale, folder: installation.projections, read: pools.leases, maintenance: maintenance, logger: logger),
            LongRunning("scrubbing") { try await TableScrubbing(maintenance, pool: pools.leases, logger: logger).run() },
            LongRunning("auth") {
                do {
                    try await auth.run()
                } catch let error as EventStoreError {
                    // Nobody knows any more who may sign in, so nothing goes on.
                    logger.critical("the accounts can't follow the log: the process ends", metadata: ["reason": "\(error.line)"])
                    throw Failure(error.line)
                }
            },
            LongRunning("revocations") { try await follower.run() },
            queries,
            GatewayServer(server: gateway) {
                _ = try await positions.wait(for: 0, models: projectors.models, timeout: .seconds(30))
                // A log that the accounts have not followed ends the process, and that before it calls itself ready.
                _ = try await auth.follower.waitFor(log.head(), timeout: .seconds(30))
                // Until the feed has answered once no token is accepted.
                await follower.look()
            },
        ]
        var group = ServiceGroupConfiguration(services: running, logger: logger)
        // Then what still runs is cancelled; pools close over queries in flight after a second.
        group.maximumGracefulShutdownDuration = .seconds(2)
        try await stop.run(ServiceGroup(configuration: group))
    }

    private func gatewaySettings() throws -> GatewaySettings {
        var gateway = settings.gateway
        gateway.certificates = try settings.tls.map { files in
            do {
                return try CertificateFiles(certificate: files.certificate, key: files.key, logger: logger)
            } catch {
                throw Failure("ANNALS_TLS_CERTIFICATE and ANNALS_TLS_KEY can't be used: \(error)")
            }
        }
        gateway.host = settings.host
        gateway.port = settings.port
        gateway.onListening = { [settings] port in
            printLine("Annals is ready at \(settings.address(port: port)) (data in \(settings.dataDirectory))")
        }
        return gateway
    }
}

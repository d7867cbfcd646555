import AuthService
import EventLog
import EventSourcing
import Gateway
import HTTPContract
import Logging
import Postgres
import Publishing
import PublishingAPI
import ServiceLifecycle
import Vault

/// The auth service with what it depends on: its own database, the log, which it follows sealed, the vault, where it destroys keys, and the command
/// service.
struct AuthComponent {
    /// As `annals_auth`.
    struct Databases {
        let log, identity, vault: ConnectionTarget
        let logDirect: ConnectionTarget?
    }

    let responder: ServiceResponder
    let readiness: Readiness
    let runs: [any Service]
    private let auth: Auth
    private let log: PostgresEventStore

    /// - Parameter openedKeys: where this process holds opened data keys. Other processes forget one within a minute after its destruction; this one
    ///   at once.
    init(
        _ databases: Databases, _ secrets: AuthSecrets, commands: any Upstream, openedKeys: [KeyVault], head: HeadWatch,
        tokens: TokenChecks, settings: AuthSettings, limits: PoolLimits, logger: Logger
    ) async throws {
        let pools = (
            log: ConnectionPool(databases.log, limits: limits.sharing(2), logger: logger),
            vault: ConnectionPool(databases.vault, limits: limits.sharing(2), logger: logger),
            identity: ConnectionPool(databases.identity, limits: limits.sharing(2), logger: logger)
        )
        let hasher = try await ConnectionPool.withPool(databases.vault, logger: logger) {
            try await SystemHasher.open($0, masterKey: secrets.masterKey)
        }
        let sealed = PostgresEventStore(pools.log, head: head, vault: nil, hasher: hasher, catalog: .annals, logger: logger)
        let vault = KeyVault(pools.vault, masterKey: secrets.masterKey)
        let auth = Auth(
            identity: pools.identity, log: sealed, currentClaims: { try await sealed.currentClaims($0, of: $1) },
            commands: ServiceClient(secrets.identity, audience: .commands, upstream: commands),
            destroyKey: { user in
                try await vault.destroyKey(of: user)
                for keys in openedKeys { keys.noteDestruction(of: user) }
            }, hasher: hasher, keys: SigningKeys(identity: pools.identity, wrapping: KeyWrapping(secrets.masterKey)), verifier: tokens.verifier,
            services: secrets.services, revocationSignal: tokens.signal, settings: settings, logger: logger)

        self.auth = auth
        log = sealed
        responder = auth.responder
        readiness = Readiness(
            checks: [
                Readiness.Check("log") { _ = try await sealed.head() },
                Readiness.Check("identity") {
                    try await pools.identity.query(.isAlive)
                    try await pools.identity.confirmWrites()
                },
                Readiness.Check("vault") { try await pools.vault.query(.isAlive) },
                .durability(of: [("identity", pools.identity)]),
                // While they are behind the log no token is accepted.
                Readiness.Check("accounts") { try await auth.follower.confirmLevel() },
            ], logger: logger)
        runs =
            LongRunning.pools([pools.log, pools.vault, pools.identity]) + [
                LongRunning("auth") {
                    do {
                        try await auth.run()
                    } catch let error as EventStoreError {
                        // Nobody knows any more who may sign in, so nothing goes on.
                        logger.critical("the accounts can't follow the log: the process ends", metadata: ["reason": "\(error.line)"])
                        throw Failure(error.line)
                    }
                }
            ]
    }

    /// Returns when the accounts are where the log is, or when waiting longer is pointless. A log that the accounts have not followed ends the
    /// process, and that before it calls itself ready.
    func prepare() async throws { _ = try await auth.follower.waitFor(log.head(), timeout: .seconds(30)) }
}

package import AccessTokens
package import EventSourcing
package import HTTPContract
package import Logging
package import Postgres
import PublishingAPI

/// The auth service: registration, sessions, tokens and their signing keys. Owns the identity database and follows the log.
package struct Auth: Sendable {
    /// The keys that tokens are signed with.
    package let keys: SigningKeys
    /// Keeps the accounts in step with the log; `run()` runs it.
    package let follower: AccountFollower

    let sessions: Sessions
    let registration: Registration
    let signIn: SignIn
    let passwordChange: PasswordChange
    /// Asks signed-in users for their password again.
    let passwordConfirmation: PasswordConfirmation
    let revocations: RevocationFeed
    let closures: Closures
    let closureSteps: ClosureSteps
    let commands: ServiceClient
    let verifier: TokenVerifier
    private let services: ServiceKeys
    let settings: AuthSettings
    let logger: Logger

    /// Builds the service. Nothing happens before `run()` or the first request.
    /// - Parameters:
    ///   - identity: its own database, under the role `annals_auth`.
    ///   - log: the log, with sealed fields left sealed. It knows claims.
    ///   - currentClaims: reads from the log's database what streams claim now.
    ///   - commands: the command service.
    ///   - destroyKey: destroys data keys in the vault.
    ///   - hasher: makes the keyed hashes of the log's claims.
    ///   - keys: the keys that tokens are signed with. Verifiers may ask the same object.
    ///   - verifier: verifies users' tokens.
    ///   - services: verify the tokens of other services.
    ///   - revocationSignal: raised whenever tokens are revoked.
    package init(
        identity: ConnectionPool, log: any EventStore, currentClaims: @escaping CurrentClaims, commands: ServiceClient,
        destroyKey: @escaping KeyDestruction,
        hasher: any KeyedHasher, keys: SigningKeys, verifier: TokenVerifier, services: ServiceKeys,
        revocationSignal: Signal = Signal(),
        passwords: PasswordHasher = PasswordHasher(), settings: AuthSettings = AuthSettings(), logger: Logger
    ) {
        self.verifier = verifier
        self.services = services
        self.settings = settings
        self.logger = logger
        let users = UserDirectory(commands: commands, logger: logger)
        self.keys = keys
        follower = AccountFollower(
            log: log, identity: identity, currentClaims: currentClaims, endings: revocationSignal, now: settings.now, logger: logger)
        let accounts = Accounts(identity: identity)
        let credentials = Credentials(identity: identity)
        sessions = Sessions(identity: identity, settings: settings)
        let tokens = TokenIssuer(keys: keys, settings: settings)
        let throttle = SignInThrottle(settings)
        registration = Registration(
            credentials: credentials, accounts: accounts, users: users, passwords: passwords, hasher: hasher, settings: settings, logger: logger)
        signIn = SignIn(
            accounts: accounts, credentials: credentials, sessions: sessions, users: users, passwords: passwords, tokens: tokens, hasher: hasher,
            throttle: throttle, endings: revocationSignal, settings: settings)
        passwordConfirmation = PasswordConfirmation(credentials: credentials, passwords: passwords, throttle: throttle, hasher: hasher)
        passwordChange = PasswordChange(
            identity: identity, confirmation: passwordConfirmation, passwords: passwords, hasher: hasher, endings: revocationSignal,
            settings: settings)
        revocations = RevocationFeed(identity: identity, follower: follower, settings: settings)
        closures = Closures(log: log, keys: keys, now: settings.now)
        closureSteps = ClosureSteps(identity: identity, log: log, destroyKey: destroyKey, endings: revocationSignal, now: settings.now)
        self.commands = commands
    }

    package var routes: Routes {
        var routes = Routes()
        addRoutes(to: &routes)
        return routes
    }

    /// Answers `routes`. It is built at each access, so keep it.
    package var responder: ServiceResponder {
        routes.responder(
            for: .auth, authentication: Authentication(verifier: verifier, services: services), logger: logger, mapping: Self.problems)
    }

    /// Follows the log and looks after registrations, keys and sessions, until cancelled. The identity database's pool must run beside it.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            group.addTask { await maintain() }
            defer { group.cancelAll() }
            // They end only when cancelled, or if the follower can't go on.
            try await group.next()
        }
    }

    /// Finishes or undoes registrations whose process died between the two steps. `run()` does this at its start and then every minute.
    package func finishPendingRegistrations() async throws { try await registration.finishPending() }

    private func maintain() async {
        while !Task.isCancelled {
            await attempt("finish pending registrations", registration.finishPending)
            await attempt("look for the current signing key") { _ = try await keys.current() }
            await attempt("delete expired sessions", sessions.deleteExpired)
            await attempt("delete old receipts", passwordChange.deleteOldReceipts)
            do { try await Task.sleep(for: settings.maintenanceInterval) } catch { return }
        }
    }

    /// Logs a failure. The work is tried again in the next round.
    private func attempt(_ job: String, _ work: () async throws -> Void) async {
        do {
            try await work()
        } catch  where Task.isCancelled {
            return
        } catch {
            logger.warning("maintenance failed", metadata: ["job": "\(job)", "error": "\(error)"])
        }
    }
}

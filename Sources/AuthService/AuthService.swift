package import EventSourcing
package import HTTPContract
package import Logging
package import Postgres

/// Who someone is: registration, sessions, tokens and the keys they are signed with. Owns the identity database and follows the log.
package struct AuthService: Sendable {
    /// The name by which other services mean it.
    package static let name = "auth"

    /// Checks tokens for this service, with its own keys.
    package let verifier: TokenVerifier
    package let keys: SigningKeys
    package let follower: AccountFollower

    let accounts: Accounts
    let credentials: Credentials
    let sessions: Sessions
    let passwords: PasswordHasher
    let tokens: AccessTokens
    let registration: Registration
    let signIn: SignIn
    let hasher: any KeyedHasher
    let serviceKey: ServiceKey?
    let settings: AuthSettings
    let logger: Logger

    /// Builds the service; nothing happens before `run()` or the first request.
    /// - Parameters:
    ///   - identity: its own database, under the role `annals_auth`.
    ///   - log: the log, with sealed fields left sealed.
    ///   - currentClaim: what a stream claims at present, from the log's database.
    ///   - commands: the command service.
    ///   - hasher: the hash that the log's claims are made with.
    ///   - wrapping: locks signing keys under the master key.
    ///   - serviceKey: checks the tokens of other services.
    package init(
        identity: ConnectionPool, log: any EventStore, currentClaim: @escaping CurrentClaim, commands: ServiceClient, hasher: any KeyedHasher,
        wrapping: KeyWrapping, serviceKey: ServiceKey?, passwords: PasswordHasher = PasswordHasher(), settings: AuthSettings = AuthSettings(),
        logger: Logger
    ) {
        self.passwords = passwords
        self.hasher = hasher
        self.serviceKey = serviceKey
        self.settings = settings
        self.logger = logger
        let users = UserDirectory(commands: commands, logger: logger)
        keys = SigningKeys(identity: identity, wrapping: wrapping, settings: settings)
        verifier = TokenVerifier(audience: Self.name, now: settings.now, fetchKeys: { [keys] in try await keys.published() })
        follower = AccountFollower(log: log, identity: identity, currentClaim: currentClaim, now: settings.now, logger: logger)
        accounts = Accounts(identity: identity)
        credentials = Credentials(identity: identity)
        sessions = Sessions(identity: identity, settings: settings)
        tokens = AccessTokens(keys: keys, settings: settings)
        registration = Registration(
            credentials: credentials, accounts: accounts, users: users, passwords: passwords, hasher: hasher, settings: settings, logger: logger)
        signIn = SignIn(
            accounts: accounts, credentials: credentials, sessions: sessions, users: users, passwords: passwords, tokens: tokens, hasher: hasher,
            settings: settings)
    }

    /// Answers `routes`. Built anew each time it is asked for: ask once.
    package var responder: ServiceResponder {
        routes.responder(service: Self.name, verifier: verifier, serviceKey: serviceKey, logger: logger, mapping: Self.problems)
    }

    /// Follows the log and looks after registrations, keys and sessions, until cancelled. The identity database's pool must run beside it.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            group.addTask { await maintain() }
            defer { group.cancelAll() }
            // Both only end when cancelled, or when the follower can't go on.
            try await group.next()
        }
    }

    /// Finishes or undoes what registrations left behind when a process died between its two steps. `run()` does this at its start and then every minute.
    package func finishPendingRegistrations() async throws {
        try await registration.finishPending()
    }

    private func maintain() async {
        while !Task.isCancelled {
            await attempt("finish pending registrations", registration.finishPending)
            await attempt("look for the current signing key") { _ = try await keys.reload() }
            await attempt("delete expired sessions", sessions.deleteExpired)
            do { try await Task.sleep(for: settings.maintenanceInterval) } catch { return }
        }
    }

    /// What fails now is tried again the next time round; the log says why.
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

import AccessTokens
import Audit
import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Publishing
import PublishingAPI
import TestSupport
import Vault
import WebhookDelivery

/// The command service on a real log and a real vault, and people to call it.
struct Newsroom: Sendable {
    let log: LogUnderTest
    let trail: OpenedTrail
    let commands: Commands

    var service: ServiceResponder { commands.responder }

    /// Somebody with an account and a token.
    struct Person: Sendable {
        let id: UUID
        let token: String

        var stream: StreamName { StreamName(UserRules.category, id) }
    }

    private static let signingKey = SigningKey.generate()
    static let identities = ServiceIdentities.generate()

    /// Runs `body` with an empty log.
    static func open(_ body: @Sendable (Newsroom) async throws -> Void) async throws {
        try await LogUnderTest.open(.publishing) { log in
            try await log.withPool(as: "annals_commands") { pool in
                let trail = OpenedTrail(AuditTrail(pool)) { try await log.store.open($0) }
                try await body(Newsroom(log: log, trail: trail, commands: commands(of: log, trail, on: log.store)))
            }
        }
    }

    /// The same service on a store of the test's, such as one that something happens in.
    func on(_ store: any EventStore, cache: CachedStates? = nil) -> Newsroom {
        Newsroom(log: log, trail: trail, commands: Self.commands(of: log, trail, on: store, cache: cache))
    }

    /// The same service with the log's tree, which somebody else grows.
    func audited(by audit: MerkleLog) -> Newsroom {
        Newsroom(log: log, trail: trail, commands: Self.commands(of: log, trail, on: log.store, audit: audit))
    }

    private static func commands(
        of log: LogUnderTest, _ trail: OpenedTrail, on store: any EventStore, cache: CachedStates? = nil, audit: MerkleLog? = nil
    ) -> Commands {
        Commands(
            store: store, catalog: .publishing, keys: log.vault, hasher: log.hasher, cache: cache, audit: audit, trail: trail,
            webhooks: WebhookAccess(secrets: log.vault, addresses: ReachableAddresses()),
            verifier: TokenVerifier { [signingKey.publicKey] }, services: identities.keys, logger: TestCluster.logger)
    }

    /// Registers somebody, with an email of that name.
    func person(_ name: String, role: SignedInUser.Role = .user) async throws -> Person {
        let id = UUID.v7()
        _ = try await register(id: id, #""username":"\#(name)","email":"\#(name)@example.org""#)
        return Person(id: id, token: try Self.token(for: id, role: role))
    }

    /// Somebody with a good token for an account that never was.
    func stranger() throws -> Person {
        let id = UUID.v7()
        return Person(id: id, token: try Self.token(for: id, role: .user))
    }

    /// Registers as the auth service does.
    func register(id: UUID = .v7(), _ members: String, key: String? = nil) async throws -> Reply {
        try await call(.post, "/internal/users", #"{"id":"\#(id.lowercased)",\#(members)}"#, headers: Self.asService(key: key))
    }

    /// A command of admins and closures on an account, straight in the log.
    func order(_ command: UserCommand, for person: Person) async throws {
        _ = try await CommandHandler<UserRules>(store: log.store).handle(
            command, on: person.stream, in: .ofTheSystem())
    }

    static func token(
        for id: UUID, role: SignedInUser.Role = .user, audience: String = "commands", isOperator: Bool = false
    ) throws -> String {
        let expiry = Timestamp.now.advanced(by: .seconds(900))
        return try signingKey.sign(
            AccessToken(subject: id, role: role, session: nil, audience: [audience], expiresAt: expiry, isOperator: isOperator))
    }
}

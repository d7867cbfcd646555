import AccessTokens
import CommandService
import Crypto
import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Postgres
import Processes
import Publishing
import PublishingAPI
import Synchronization
import TestSupport
import Vault

@testable import AuthService
@testable import RelayService

/// A clock that only moves when told to.
final class HandClock: Sendable {
    private let time = Mutex((now: Timestamp.now, uptime: ContinuousClock.now))

    var now: Timestamp { time.withLock { $0.now } }
    var uptime: ContinuousClock.Instant { time.withLock { $0.uptime } }

    func advance(by duration: Duration) { time.withLock { $0 = ($0.now.advanced(by: duration), $0.uptime + duration) } }
}

/// Stands for the read tables: whether they have let go of what was erased.
final class ReadTables: Sendable {
    private let state = Mutex((isScrubbed: true, questions: 0))

    var isScrubbed: Bool {
        get { state.withLock { $0.isScrubbed } }
        set { state.withLock { $0.isScrubbed = newValue } }
    }

    /// How often they were asked.
    var questions: Int { state.withLock { $0.questions } }

    func responder(_ services: ServiceKeys, logger: Logger) -> ServiceResponder {
        var routes = Routes()
        routes.on(.erasures) { [self] _, _ in
            let isScrubbed = state.withLock { state in
                state.questions += 1
                return state.isScrubbed
            }
            guard isScrubbed else { throw Problem.readModelBehind(position: 1) }
            return Answer.data { $0.object { _ in } }
        }
        return routes.responder(for: .queries, authentication: Authentication(verifier: nil, services: services), logger: logger)
    }
}

/// The auth service and the relay with the real command service, log, vault and identity database around them. Only the read tables are played: by
/// what the test says of them.
final class House: Sendable {
    static let password = "correct horse battery staple"

    let log: LogUnderTest
    let identity: ConnectionPool
    let commands: ServiceResponder
    let signingKey: SymmetricKey
    let identities = ServiceIdentities.generate()
    let clock = HandClock()
    let readTables = ReadTables()
    /// The legacy of a relay's process to the next one: rows, and how far the log is taken.
    private let rows = MemoryTable()
    private let taken = Mutex<Int64>(0)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs `body` with empty databases.
    static func open(_ body: @escaping @Sendable (House) async throws -> Void) async throws {
        try await LogUnderTest.open(.withProcesses) { log in
            try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/identity") { target in
                var target = target
                target.role = "annals_auth"
                try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { identity in
                    try await body(House(log: log, identity: identity))
                }
            }
        }
    }

    /// Runs `body` with the same databases and processes that were started anew: no data key is in memory.
    func restarted(_ body: @escaping @Sendable (House) async throws -> Void) async throws {
        try await log.another { [identity, signingKey] log in try await body(House(log: log, identity: identity, signingKey: signingKey)) }
    }

    private init(log: LogUnderTest, identity: ConnectionPool, signingKey: SymmetricKey = SymmetricKey(size: .bits256)) {
        self.log = log
        self.identity = identity
        self.signingKey = signingKey
        commands =
            Commands(
                store: log.store, catalog: .withProcesses, keys: log.vault, hasher: log.hasher, verifier: TokenVerifier { [] },
                services: identities.keys,
                logger: logger
            ).responder
    }

    /// A new process of the auth service, which lives as long as told.
    /// - Parameter upstream: how it reaches the command service.
    func process(_ life: Life = Life(moments: nil), reaching upstream: (any Upstream)? = nil) -> Auth {
        var settings = AuthSettings()
        settings.now = { [clock] in clock.now }
        settings.uptime = { [clock] in clock.uptime }
        let keys = SigningKeys(identity: identity, wrapping: .sealed(under: signingKey), settings: settings)
        return Auth(
            identity: identity, log: log.store, currentClaims: { [log] in try await log.store.currentClaims($0, of: $1) },
            commands: client(.auth, .commands, upstream ?? MortalUpstream(service: commands, life: life)),
            destroyKey: { [log] user in try await log.runInVault("SELECT vault.destroy_key('\(user)')") }, hasher: log.hasher, keys: keys,
            verifier: TokenVerifier(now: settings.now, uptime: settings.uptime, fetchKeys: { try await keys.published() }),
            services: identities.keys,
            passwords: PasswordHasher(parameters: Argon2Parameters(memory: 8, passes: 1)), settings: settings, logger: logger)
    }

    /// The process of the relay that closes accounts.
    func closing(_ life: Life = Life(moments: nil)) -> AccountClosure {
        func mortal(_ name: ServiceName, _ service: any Upstream) -> ServiceClient {
            client(.relay, name, MortalUpstream(service: service, life: life))
        }
        return AccountClosure(
            means: ProcessMeans(
                commands: mortal(.commands, commands), auth: mortal(.auth, process().responder),
                queries: mortal(.queries, readTables.responder(identities.keys, logger: logger)),
                posts: { [log] user, positions in
                    try await life.around {
                        try await log.store.streams(
                            with: PostRules.authorship.type, naming: user, in: PostRules.authorship.field, positions: positions
                        ).map(\.id)
                    }
                }, logger: logger))
    }

    /// A new process of the relay takes what has happened and does all that is due, unless it dies before. By its clock all that is in the log is
    /// long past, so only what has failed is not due.
    func work(_ life: Life = Life(moments: nil)) async throws {
        let runner = ProcessRunner(
            [closing(life)], journal: MortalJournal(journal: LogJournal(log.store), life: life), table: rows,
            now: { [clock] in clock.now.advanced(by: .seconds(86_400)) }, logger: logger)
        while true {
            let page = try await log.store.read(after: taken.withLock(\.self), limit: 500)
            guard let last = page.last else { break }
            for event in page { try await runner.take(event) }
            taken.withLock { $0 = max($0, last.position) }
        }
        while try await runner.workDue() > 0 {}
    }

    private func client(_ caller: ServiceName, _ audience: ServiceName, _ upstream: any Upstream) -> ServiceClient {
        ServiceClient(identities[caller], audience: audience, upstream: upstream)
    }

    /// One number from the identity database.
    func count(_ sql: String) async throws -> Int {
        try await identity.query(Statement("count", "SELECT count(*) FROM \(sql)")).first?.get(0) ?? -1
    }
}

extension EventCatalog {
    /// All that a log holds: the domain's events, and those of processes.
    static let withProcesses = EventCatalog(Array(publishing.schemas.values) + ProcessEvent.schemas)
}

extension KeyWrapping {
    static func sealed(under key: SymmetricKey) -> KeyWrapping {
        KeyWrapping(
            wrap: { Array(try AES.GCM.seal($0, using: key).combined ?? Data()) },
            unwrap: { Array(try AES.GCM.open(AES.GCM.SealedBox(combined: $0), using: key)) })
    }
}

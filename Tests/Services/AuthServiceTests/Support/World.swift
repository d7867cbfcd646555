import AccessTokens
import Crypto
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Postgres
import Synchronization
import TestSupport

@testable import AuthService

/// A clock that only moves when told to.
final class HandClock: Sendable {
    private let time = Mutex((now: Timestamp.now, uptime: ContinuousClock.now))

    var now: Timestamp { time.withLock { $0.now } }
    var uptime: ContinuousClock.Instant { time.withLock { $0.uptime } }

    func advance(by duration: Duration) { time.withLock { $0 = ($0.now.advanced(by: duration), $0.uptime + duration) } }

    /// As when somebody sets it: no clock that measures waits follows.
    func setBack(by duration: Duration) { time.withLock { $0.now = $0.now.advanced(by: .zero - duration) } }
}

struct TestHasher: KeyedHasher {
    let key = SymmetricKey(data: Array("the claims' key".utf8))

    func hash(_ parts: [String]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(parts.map { "\($0.utf8.count):\($0)" }.joined().utf8), using: key))
    }
}

extension KeyWrapping {
    static func sealed(under key: SymmetricKey) -> KeyWrapping {
        KeyWrapping(
            wrap: { Array(try AES.GCM.seal($0, using: key).combined ?? Data()) },
            unwrap: { Array(try AES.GCM.open(AES.GCM.SealedBox(combined: $0), using: key)) })
    }
}

/// Everything around the auth service, with a real identity database.
struct World: Sendable {
    static let password = "correct horse battery staple"

    let identity: ConnectionPool
    /// The identity database as its owner.
    let owner: ConnectionTarget
    let log: WrittenLog
    let peer: CommandPeer
    let clock = HandClock()
    let hasher = TestHasher()
    let masterKey = SymmetricKey(size: .bits256)
    let identities = ServiceIdentities.generate()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(identity: ConnectionPool, owner: ConnectionTarget) {
        self.identity = identity
        self.owner = owner
        log = WrittenLog()
        peer = CommandPeer(log: log, hasher: TestHasher())
    }

    /// A new process of the service on the same databases.
    func service(
        passwords: PasswordHasher = PasswordHasher(parameters: .tiny, queue: 1000), peerIsAway: Bool = false, masterKey: SymmetricKey? = nil,
        revocations: RevocationList = RevocationList(), signal: Signal = Signal(),
        _ change: (inout AuthSettings) -> Void = { _ in }
    ) -> Auth {
        var settings = AuthSettings()
        settings.now = { [clock] in clock.now }
        settings.uptime = { [clock] in clock.uptime }
        change(&settings)
        let keys = SigningKeys(identity: identity, wrapping: .sealed(under: masterKey ?? self.masterKey), settings: settings)
        return Auth(
            identity: identity, log: log, currentClaims: { [peer] in peer.claims($0, $1) },
            commands: peer.client(identities, logger: logger, isAway: peerIsAway),
            destroyKey: { _ in }, hasher: hasher, keys: keys,
            verifier: TokenVerifier(revocations: revocations, now: settings.now, uptime: settings.uptime, fetchKeys: { try await keys.published() }),
            services: identities.keys,
            revocationSignal: signal, passwords: passwords, settings: settings, logger: logger)
    }

    /// The operator's tool beside the service.
    func administrator(of service: Auth) -> AuthOperator {
        AuthOperator(identity: identity, hasher: hasher, keys: service.keys, passwords: PasswordHasher(parameters: .tiny), settings: service.settings)
    }

    /// Runs SQL in the identity database as its owner.
    func run(_ sql: String) async throws {
        try await ConnectionPool.withPool(owner, limits: .patient, logger: TestCluster.logger) { pool in
            try await pool.withSession { try await $0.execute(script: sql) }
        }
    }

    /// The revocations that a process knows.
    func revocationList() -> RevocationList { RevocationList(patience: .seconds(60), uptime: { [clock] in clock.uptime }) }

    func count(_ table: String) async throws -> Int {
        try await identity.query(Statement("count_\(table)", "SELECT count(*) FROM identity.\(table)")).first?.get(0) ?? -1
    }

    func states() async throws -> [String] {
        try await identity.query(Statement("states", "SELECT state FROM identity.credentials ORDER BY created_at, user_id")).map { try $0.get(0) }
    }
}

extension Argon2Parameters {
    static let tiny = Argon2Parameters(memory: 8, passes: 1)
}

/// An answer, read.
struct Reply: Sendable {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let body: JSONValue

    var data: JSONValue? { body["data"] }
    var code: String? { body["code"]?.text }
    var refusedFields: [String] {
        guard case .array(let details)? = body["details"] else { return [] }
        return details.compactMap { $0["field"]?.text }
    }
    /// The body without what names this one request.
    var anonymous: JSONValue {
        var object = body.members ?? [:]
        object["requestId"] = nil
        return .object(object)
    }
}

extension Auth {
    /// Whom the service takes the bearer of a token for.
    func verify(_ token: String) async throws -> SignedInUser { try await verifier.verify(token).user(for: "auth") }

    func call(
        _ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil, headers: HTTPFields = [:], from address: String? = nil
    ) async throws -> Reply {
        var headers = headers
        if body != nil { headers[.contentType] = "application/json" }
        let head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(bytes: body?.encoded ?? [])))
        var context = CallContext(logger: logger)
        context.clientAddress = address
        let response = try await responder.respond(to: request, context: context)
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return Reply(
            status: response.status, headers: response.headers, body: bytes.readableBytes == 0 ? .null : try JSONValue.parse(bytes.readableBytesView))
    }

    func register(
        _ username: String = "ann", email: String? = nil, password: String = World.password, key: String? = nil
    ) async throws -> Reply {
        var headers = HTTPFields()
        headers[.idempotencyKey] = key
        return try await call(
            .post, "/api/v1/auth/register",
            .object(["username": .string(username), "email": .string(email ?? "\(username)@example.org"), "password": .string(password)]),
            headers: headers)
    }

    func logIn(
        _ email: String = "ann@example.org", password: String = World.password, headers: HTTPFields = [:], from address: String? = nil
    ) async throws -> Reply {
        let body: JSONObject = ["email": .string(email), "password": .string(password)]
        return try await call(.post, "/api/v1/auth/login", .object(body), headers: headers, from: address)
    }

    /// Changes the password of whoever the token is.
    func changePassword(
        from current: String = World.password, to new: String = "an entirely new one", token: String, key: String? = nil
    ) async throws -> Reply {
        var headers: HTTPFields = [.authorization: "Bearer \(token)"]
        headers[.idempotencyKey] = key
        let body: JSONObject = ["currentPassword": .string(current), "newPassword": .string(new)]
        return try await call(.post, "/api/v1/auth/password", .object(body), headers: headers)
    }

    func refresh(_ token: String) async throws -> Reply {
        try await call(.post, "/api/v1/auth/refresh", .object(["refreshToken": .string(token)]))
    }

    func logOut(_ token: String) async throws -> Reply {
        try await call(.post, "/api/v1/auth/logout", .object(["refreshToken": .string(token)]))
    }

    /// Runs the follower beside `body`.
    func following(_ body: @Sendable @escaping () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await follower.run() }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

/// Runs `body` with a migrated identity database of its own, as the role that the service has.
func withWorld(_ body: @Sendable @escaping (World) async throws -> Void) async throws {
    try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/identity") { target in
        var service = target
        service.role = "annals_auth"
        try await ConnectionPool.withPool(service, limits: .patient, logger: TestCluster.logger) { pool in
            try await body(World(identity: pool, owner: target))
        }
    }
}

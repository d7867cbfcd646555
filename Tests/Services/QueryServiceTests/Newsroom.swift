import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Postgres
import Projections
import PublishingAPI
import TestSupport

@testable import QueryService

/// A running query service over a read database of its own, with the command service played at its HTTP boundary.
struct Newsroom: Sendable {
    /// The read database's owner, for making rows.
    let owner: ConnectionPool
    /// The service's own connection, with the rights of its role only.
    let read: ConnectionPool
    let queries: Queries
    let commands: CommandPeer
    let signingKey: SigningKey

    /// Whether the service's queries share one pool, so that its counters see every statement, or have those of a running system.
    enum Pools: Sendable {
        case one
        /// With a time after which the server ends a statement.
        case apart(Duration)
    }

    static let identities = ServiceIdentities.generate()

    /// Runs the service for as long as the body takes, then stops it cleanly. It keeps no answers unless told: tests make rows without going on.
    static func open(
        window: ViewWindowSettings = .quick, pools: Pools = .one, cacheBytes: Int? = nil, _ body: @escaping @Sendable (Newsroom) async throws -> Void
    ) async throws {
        try await withReadDatabase { target in
            let logger = TestCluster.logger
            var own = target
            own.role = "annals_queries"
            let signingKey = SigningKey.generate()
            let commands = CommandPeer(services: identities.keys, logger: logger)
            // One shared connection, so that its counters see every statement, for as long as the test takes.
            var limits = PoolLimits.patient
            limits.multiplexedConnections = 1
            limits.idleTimeout = .seconds(3600)
            let read = ConnectionPool(own, limits: limits, logger: logger)
            let reads =
                switch pools {
                case .one: ReadPools(all: read)
                case .apart(let timeout):
                    ReadPools { multiplexed in
                        var limits = PoolLimits.patient
                        limits.multiplexedConnections = multiplexed
                        limits.statementTimeout = timeout
                        return ConnectionPool(own, limits: limits, logger: logger)
                    }
                }
            let positions = ReadModelPositions(read, listeningOn: own, logger: logger)
            let queries = Queries(
                read: reads, positions: positions,
                commands: ServiceClient(identities[.queries], audience: .commands, upstream: commands.responder, logger: logger),
                verifier: TokenVerifier { [signingKey.publicKey] }, services: identities.keys,
                cursorKey: CursorKey(bytes: Array("an installation's key of 32 bytes".utf8)), viewWindow: window, cacheBytes: cacheBytes,
                logger: logger)
            let newsroom = Newsroom(
                owner: ConnectionPool(target, limits: .patient, logger: logger), read: read, queries: queries, commands: commands,
                signingKey: signingKey)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await newsroom.owner.run() }
                for pool in [read] + reads.all.filter({ $0 !== read }) { group.addTask { try await pool.run() } }
                group.addTask { try await positions.run() }
                try await withThrowingTaskGroup(of: Void.self) { views in
                    views.addTask { await queries.views.run() }
                    do {
                        try await body(newsroom)
                    } catch {
                        queries.views.stop()
                        throw error
                    }
                    queries.views.stop()
                    try await views.waitForAll()
                }
                group.cancelAll()
            }
        }
    }

    // MARK: Requests

    /// Sends a request to the service as the gateway would.
    func send(
        _ method: HTTPRequest.Method = .get, _ path: String, as user: Reader? = nil, from address: String? = nil, _ headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> Reply {
        var headers = headers
        if let user { headers[.authorization] = "Bearer " + (try signingKey.sign(user.token)) }
        if body != nil { headers[.contentType] = "application/json" }
        let head = HTTPRequest(method: method, scheme: "http", authority: "queries", path: path, headerFields: headers)
        var context = CallContext(logger: TestCluster.logger)
        context.clientAddress = address
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
        return try await Reply(queries.responder.respond(to: request, context: context))
    }

    func get(_ path: String, as user: Reader? = nil, _ headers: HTTPFields = [:]) async throws -> Reply {
        try await send(.get, path, as: user, headers)
    }
}

extension HTTPFields {
    /// These and others.
    func merging(_ others: HTTPFields) -> HTTPFields {
        var all = self
        for field in others { all[field.name] = field.value }
        return all
    }
}

extension ViewWindowSettings {
    /// Windows too short to wait for.
    static var quick: ViewWindowSettings {
        var settings = ViewWindowSettings()
        settings.window = .milliseconds(1)
        settings.firstPause = .milliseconds(1)
        settings.longestPause = .milliseconds(2)
        return settings
    }
}

/// Somebody with an access token.
struct Reader: Sendable {
    let id: UUID
    var role = SignedInUser.Role.user

    static func admin() -> Reader { Reader(id: .v7(), role: .admin) }

    var token: AccessToken {
        AccessToken(
            subject: id, role: role, session: nil, audience: ["queries"], issuedAt: .now, expiresAt: Timestamp.now.advanced(by: .seconds(600)))
    }
}

/// A response, read to its end.
struct Reply: Sendable {
    let status: Int
    let headers: HTTPFields
    let text: String
    let json: JSONValue

    init(_ response: Response) async throws {
        let buffer = try await response.body.collect(upTo: 64 << 20)
        status = response.status.code
        headers = response.headers
        text = String(buffer: buffer)
        json = buffer.readableBytes == 0 ? .null : try JSONValue.parse(buffer.readableBytesView)
    }

    var data: JSONValue? { json["data"] }
    var code: String? { json["code"]?.text }
    var tag: String? { headers[.eTag] }
    var position: String? { headers[.readModelPosition] }
    /// The fields that a problem names, in order.
    var refusedFields: [String] { json["details"]?.elements.compactMap { $0["field"]?.text } ?? [] }
    /// The ids of a list's items, in order.
    var ids: [String] { data?.elements.compactMap { $0["id"]?.text } ?? [] }
    var nextCursor: String? { json["pagination"]?["nextCursor"]?.text }
}

extension JSONValue {
    /// The elements when this is an array.
    var elements: [JSONValue] {
        if case .array(let elements) = self { elements } else { [] }
    }
}

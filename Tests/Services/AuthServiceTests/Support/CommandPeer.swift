import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Logging
import PublishingAPI
import Synchronization

@testable import AuthService

/// The command service as the auth service meets it: decides by claims, remembers keys, writes `UserRegistered`, and can be made to fail.
final class CommandPeer: Sendable {
    /// The fault of a registration.
    enum Fault: Sendable {
        case none
        /// The call never arrives.
        case lostOnTheWay
        /// It is done, but the answer never comes back: as when the auth service dies in the middle.
        case lostOnTheWayBack
        case answers(Problem)
    }

    struct User: Sendable {
        var username: String
        var email: String
        var role = "user"
        var status = "active"
        var position: Int64 = 0
    }

    private struct State {
        var users: [UUID: User] = [:]
        var keys: [String: (body: JSONObject, user: UUID)] = [:]
        var fault = Fault.none
        var unreadable: Set<UUID> = []
        var bodies: [JSONObject] = []
        var claimReads = 0
    }

    let log: WrittenLog
    let hasher: any KeyedHasher
    private let state = Mutex(State())

    init(log: WrittenLog, hasher: any KeyedHasher) {
        self.log = log
        self.hasher = hasher
    }

    /// Every body that came to `POST /internal/users`.
    var bodies: [JSONObject] { state.withLock(\.bodies) }

    func fail(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// From now on a user is asked for in vain.
    func loseSight(of id: UUID) { state.withLock { _ = $0.unreadable.insert(id) } }

    func change(_ id: UUID, _ body: (inout User) -> Void) {
        state.withLock { state in
            guard var user = state.users[id] else { return }
            body(&user)
            state.users[id] = user
        }
    }

    /// How often claims were asked for.
    var claimReads: Int { state.withLock(\.claimReads) }

    /// The present claims of streams.
    func claims(_ kind: ClaimKind, _ streams: Set<StreamName>) -> [StreamName: [UInt8]] {
        let users = state.withLock { state in
            state.claimReads += 1
            return state.users
        }
        var claims: [StreamName: [UInt8]] = [:]
        for stream in streams {
            if let user = users[stream.id], user.status != "closed" { claims[stream] = hasher.hash(email: user.email) }
        }
        return claims
    }

    func client(_ identities: ServiceIdentities, logger: Logger, isAway: Bool) -> ServiceClient {
        let upstream: any Upstream = isAway ? MissingUpstream() : FaultyUpstream(peer: self, responder: responder(identities.keys, logger: logger))
        return ServiceClient(identities[.auth], audience: .commands, upstream: upstream)
    }

    private func responder(_ services: ServiceKeys, logger: Logger) -> ServiceResponder {
        var routes = Routes()
        routes.on(.registerUser) { [self] request, _ in
            return try register(await request.jsonBody(), key: request.headers[.idempotencyKey])
        }
        routes.on(.registeredUser) { [self] _, context in try find(context.id()) }
        return routes.responder(for: .commands, authentication: Authentication(verifier: nil, services: services), logger: logger)
    }

    private func register(_ body: JSONObject, key: String?) throws -> Response {
        guard let id = body["id"]?.text.flatMap({ UUID(lowercase: $0) }), let username = body["username"]?.text, let email = body["email"]?.text
        else {
            throw Problem.malformed("id, username and email are needed")
        }
        var comparable = body
        comparable["id"] = nil
        return try state.withLock { state in
            state.bodies.append(body)
            if let key, let known = state.keys[key] {
                guard known.body == comparable else { throw Problem.idempotencyKeyReused() }
                return answer(known.user, state.users[known.user], isReplay: true)
            }
            if state.users.values.contains(where: { hasher.hash(email: $0.email) == hasher.hash(email: email) }) {
                throw Problem.duplicate(field: "email")
            }
            if state.users.values.contains(where: { $0.username == username }) { throw Problem.duplicate(field: "username") }
            let event = log.write("UserRegistered", to: StreamName("user", id), ["username": .null, "email": .null, "role": .string("user")])
            state.users[id] = User(username: username, email: email, position: event.position)
            if let key { state.keys[key] = (comparable, id) }
            return answer(id, state.users[id], isReplay: false)
        }
    }

    private func answer(_ id: UUID, _ user: User?, isReplay: Bool) -> Response {
        var headers = HTTPFields()
        headers.setPosition(user?.position ?? 0)
        if isReplay { headers.markReplayed() }
        return Answer.data(.created, headers: headers) {
            $0.value(
                .object([
                    "id": .string(id.lowercased), "username": .string(user?.username ?? ""), "role": .string("user"),
                    "createdAt": .string("2026-01-02T03:04:05.678Z"), "version": .integer(1),
                ]))
        }
    }

    private func find(_ id: UUID) throws -> Response {
        if state.withLock({ $0.unreadable.contains(id) }) { throw Problem.internalError() }
        guard let user = state.withLock({ $0.users[id] }) else { throw Problem.notFound() }
        let isClosed = user.status == "closed"
        let version = log.version(of: StreamName("user", id))
        return Answer.data {
            $0.value(
                .object([
                    "id": .string(id.lowercased), "username": isClosed ? .null : .string(user.username),
                    "displayName": isClosed ? .null : .string(""),
                    "role": isClosed ? .null : .string(user.role), "status": .string(user.status), "createdAt": .string("2026-01-02T03:04:05.678Z"),
                    "version": .integer(Int64(version)),
                ]))
        }
    }

    private struct FaultyUpstream: Upstream {
        let peer: CommandPeer
        let responder: ServiceResponder

        func send(_ request: Request, context: CallContext) async throws -> Response {
            guard request.method == .post else { return try await responder.respond(to: request, context: context) }
            switch peer.state.withLock(\.fault) {
            case .none: return try await responder.respond(to: request, context: context)
            case .lostOnTheWay: throw ConnectionLost()
            case .lostOnTheWayBack:
                _ = try await responder.respond(to: request, context: context)
                throw ConnectionLost()
            case .answers(let problem): return problem.response(path: request.uri.path, requestID: context.requestID)
            }
        }
    }

    private struct MissingUpstream: Upstream {
        func send(_ request: Request, context: CallContext) async throws -> Response { throw ConnectionLost() }
    }

    private struct ConnectionLost: Error {}
}

import EventSourcing
import Foundation
import JSON
import Logging
import Synchronization
import TestSupport

@testable import BlogImport

/// The HTTP boundary of the importer, answering after the contract from a small state of users and posts. Tests break it where they need it broken.
final class RecordedSystem: Sendable {
    struct User: Sendable {
        let id: UUID
        let username: String
        var displayName: String
    }

    struct Post: Sendable {
        let id: UUID
        let slug: String
        let author: UUID
        var isPublished = false
        var publishedAt: String?
        /// Lookups that still don't find it: the read model's delay.
        var hiddenFor = 0
    }

    struct State: Sendable {
        var users: [User] = []
        var posts: [Post] = []
        var answers: [String: (body: [UInt8], response: APIResponse)] = [:]
        var requests: [APIRequest] = []
        var underWay = 0
        var mostUnderWay = 0
    }

    /// Decides about a request before the system sees it (nil lets it pass), by its number from 0.
    typealias Fault = @Sendable (APIRequest, Int) throws -> APIResponse?
    /// What an answer becomes on its way back.
    typealias Loss = @Sendable (APIRequest, Int) throws -> Void

    let state = Mutex(State())
    let clock = ManualClock()
    let fault: Fault
    let loss: Loss

    init(fault: @escaping Fault = { _, _ in nil }, loss: @escaping Loss = { _, _ in }) {
        self.fault = fault
        self.loss = loss
    }

    var users: [User] { state.withLock { $0.users } }
    var posts: [Post] { state.withLock { $0.posts } }
    var requests: [APIRequest] { state.withLock { $0.requests } }

    var client: APIClient {
        APIClient(
            tokens: { subject in
                switch subject {
                case .operatorAdmin: "admin"
                case .user(let id): id.lowercased
                }
            }, send: { try await self.send($0, $1) }, clock: clock, logger: Logger(label: "test"))
    }

    private func send(_ request: APIRequest, _ token: String?) async throws -> APIResponse {
        let number = state.withLock { state in
            state.requests.append(request)
            state.underWay += 1
            state.mostUnderWay = max(state.mostUnderWay, state.underWay)
            return state.requests.count - 1
        }
        defer { state.withLock { $0.underWay -= 1 } }
        await Task.yield()
        if let response = try fault(request, number) { return response }
        let response = state.withLock { Self.answer(request, token, &$0) }
        try loss(request, number)
        return response
    }

    private static func answer(_ request: APIRequest, _ token: String?, _ state: inout State) -> APIResponse {
        let path = request.path.split(separator: "?").first.map(String.init) ?? ""
        let parts = path.split(separator: "/").map(String.init)
        let body = request.body ?? [:]
        let caller = token.flatMap { UUID(lowercase: $0) }
        switch (request.method, parts.first, parts.last) {
        case (.get, "users", _):
            let wanted = request.path.split(separator: "=").dropFirst().first?.split(separator: "&").first.map(String.init)
            return success(200, .array(state.users.filter { $0.username == wanted }.map(json)))
        case (.post, "auth", "register"):
            let name = body["username"]?.text ?? ""
            if state.users.contains(where: { $0.username == name }) { return duplicate("username") }
            let user = User(id: .v7(), username: name, displayName: name)
            state.users.append(user)
            return success(201, json(user))
        case (.patch, "users", "me"):
            guard let index = state.users.firstIndex(where: { $0.id == caller }) else { return problem(404, "NOT_FOUND") }
            state.users[index].displayName = body["displayName"]?.text ?? ""
            return success(200, json(state.users[index]))
        case (.get, "posts", let slug):
            guard let index = state.posts.firstIndex(where: { $0.slug == slug }) else { return problem(404, "NOT_FOUND") }
            if state.posts[index].hiddenFor > 0 {
                state.posts[index].hiddenFor -= 1
                return problem(404, "NOT_FOUND")
            }
            return success(200, json(state.posts[index], state.users))
        case (.post, "posts", "publish"):
            guard let index = state.posts.firstIndex(where: { $0.id.lowercased == parts[1] && $0.author == caller }) else {
                return problem(403, "FORBIDDEN")
            }
            state.posts[index].isPublished = true
            state.posts[index].publishedAt = body["publishedAt"]?.text
            return success(200, .object(["id": .string(parts[1])]))
        case (.post, "posts", _):
            return create(request, caller, body, &state)
        default:
            return problem(404, "NOT_FOUND")
        }
    }

    private static func create(_ request: APIRequest, _ caller: UUID?, _ body: JSONObject, _ state: inout State) -> APIResponse {
        let encoded = JSONValue.object(body).encoded
        if let key = request.idempotencyKey, var known = state.answers[key] {
            guard known.body == encoded else { return problem(422, "IDEMPOTENCY_KEY_REUSED") }
            known.response.isReplay = true
            return known.response
        }
        let slug = body["slug"]?.text ?? ""
        guard let caller else { return problem(401, "UNAUTHENTICATED") }
        if state.posts.contains(where: { $0.slug == slug }) { return duplicate("slug") }
        let post = Post(id: .v7(), slug: slug, author: caller)
        state.posts.append(post)
        let response = success(201, .object(["id": .string(post.id.lowercased), "slug": .string(slug)]))
        if let key = request.idempotencyKey { state.answers[key] = (encoded, response) }
        return response
    }

    private static func json(_ user: User) -> JSONValue {
        .object(["id": .string(user.id.lowercased), "username": .string(user.username), "displayName": .string(user.displayName)])
    }

    private static func json(_ post: Post, _ users: [User]) -> JSONValue {
        let author = users.first { $0.id == post.author }.map(json) ?? .object(["id": .string(post.author.lowercased)])
        return .object(["id": .string(post.id.lowercased), "slug": .string(post.slug), "published": .bool(post.isPublished), "author": author])
    }

    static func success(_ status: Int, _ data: JSONValue) -> APIResponse { APIResponse(status: status, body: .object(["data": data]), position: 7) }

    static func problem(_ status: Int, _ code: String, retryAfter: Duration? = nil, details: [JSONValue] = []) -> APIResponse {
        APIResponse(status: status, body: .object(["code": .string(code), "details": .array(details)]), retryAfter: retryAfter)
    }

    private static func duplicate(_ field: String) -> APIResponse {
        problem(409, "DUPLICATE_ENTRY", details: [.object(["field": .string(field), "message": .string("is taken")])])
    }
}

import EventSourcing
import Foundation
import JSON
import Logging
import Publishing
import Synchronization
import TestSupport

@testable import BlogImport

/// The HTTP boundary of the importer. It answers after the contract from a small state of users and posts, and keeps the log that this
/// leaves. Tests break it where they need it broken.
final class RecordedSystem: Sendable {
    struct User: Sendable {
        let id: UUID
        let username: String
        let email: String
        var displayName: String?
        var isActive = true
    }

    struct Post: Sendable {
        let id: UUID
        var title: String
        var content: String
        var slug: String
        let author: UUID
        var isPublic = false
        var isDeleted = false
        var publishedAt: String?
        var scheduledAt: String?
        var entries: [ImportedStream.Entry] = []
    }

    struct State: Sendable {
        var users: [User] = []
        var posts: [Post] = []
        var answers: [String: (body: [UInt8], response: APIResponse)] = [:]
        var requests: [APIRequest] = []
        var underWay = 0
        var mostUnderWay = 0
        var position: Int64 = 0
    }

    /// Decides about a request before the system sees it (nil lets it pass), by its number from 0.
    typealias Fault = @Sendable (APIRequest, Int) throws -> APIResponse?
    /// Loses an answer on its way back by throwing.
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
    /// Those that are not deleted.
    var posts: [Post] { state.withLock { $0.posts.filter { !$0.isDeleted } } }
    var requests: [APIRequest] { state.withLock { $0.requests } }

    /// The imported streams of the log.
    var streams: [ImportedStream] {
        state.withLock { state in
            state.posts.filter { post in post.entries.contains { $0.metadata.origin != nil } }
                .map { ImportedStream(name: StreamName(PostRules.category, $0.id), entries: $0.entries) }
        }
    }

    /// Somebody who registered without any import.
    func registered(_ username: String, displayName: String? = nil) -> UUID {
        let user = User(id: .v7(), username: username, email: "\(username)@example.org", displayName: displayName)
        state.withLock { $0.users.append(user) }
        return user.id
    }

    /// Changes a post as its author or an admin does.
    func change(_ slug: String, _ type: String, _ change: (inout Post) -> Void) {
        state.withLock { state in
            guard let index = state.posts.firstIndex(where: { $0.slug == slug && !$0.isDeleted }) else { return }
            change(&state.posts[index])
            Self.append(type, nil, to: index, &state)
        }
    }

    /// The time of a post's schedule comes. The event says where the one before it came from, as the command service has it.
    func passTime(of slug: String) {
        state.withLock { state in
            guard let index = state.posts.firstIndex(where: { $0.slug == slug && $0.scheduledAt != nil }) else { return }
            state.posts[index].publishedAt = state.posts[index].scheduledAt.take()
            state.posts[index].isPublic = true
            Self.append("PostPublished", state.posts[index].entries.last?.metadata.origin, to: index, &state)
        }
    }

    var client: APIClient { client() }

    func client(send: APIClient.Send? = nil) -> APIClient {
        APIClient(
            tokens: { subject in
                switch subject {
                case .operatorAdmin: "admin"
                case .user(let id): id.lowercased
                }
            }, send: send ?? { try await self.send($0, $1) }, clock: clock, logger: Logger(label: "test"))
    }

    func send(_ request: APIRequest, _ token: String?) async throws -> APIResponse {
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
        let name = request.idempotencyKey.map { "\(token ?? "") \($0)" }
        let encoded = JSONValue.object(request.body ?? [:]).encoded
        if let name, var known = state.answers[name] {
            guard known.body == encoded else { return problem(422, "IDEMPOTENCY_KEY_REUSED") }
            known.response.isReplay = true
            return known.response
        }
        let response = perform(request, token, &state)
        if let name, response.isSuccess { state.answers[name] = (encoded, response) }
        return response
    }

    private static func perform(_ request: APIRequest, _ token: String?, _ state: inout State) -> APIResponse {
        let parts = request.path.split(separator: "?")[0].split(separator: "/").dropFirst(2).map(String.init)
        let body = request.body ?? [:]
        if request.method == .get, parts == ["users"] { return token == "admin" ? success(200, .array([])) : problem(403, "FORBIDDEN") }
        if request.method == .get, parts.count == 2, parts[0] == "users" {
            guard let user = state.users.first(where: { $0.id.lowercased == parts[1] }) else { return problem(404, "NOT_FOUND") }
            return success(200, json(user))
        }
        if parts == ["auth", "register"] {
            let name = body["username"]?.text ?? ""
            if state.users.contains(where: { $0.username == name }) { return duplicate("username") }
            let user = User(id: .v7(), username: name, email: body["email"]?.text ?? "")
            state.users.append(user)
            return success(201, json(user))
        }
        guard let caller = token.flatMap({ UUID(lowercase: $0) }), let me = state.users.firstIndex(where: { $0.id == caller }),
            state.users[me].isActive
        else { return problem(401, "UNAUTHENTICATED") }
        if parts == ["users", "me"] {
            state.users[me].displayName = body["displayName"]?.text ?? ""
            return success(200, json(state.users[me]))
        }
        guard parts.first == "posts" else { return problem(404, "NOT_FOUND") }
        if parts.count == 1 { return create(request, caller, body, &state) }
        guard let index = state.posts.firstIndex(where: { $0.id.lowercased == parts[1] && !$0.isDeleted }) else { return problem(404, "NOT_FOUND") }
        guard state.posts[index].author == caller else { return problem(403, "FORBIDDEN") }
        if let version = request.version, version != state.posts[index].entries.count { return problem(412, "PRECONDITION_FAILED") }
        switch (request.method, parts.dropFirst(2).first) {
        case (.post, "schedule"):
            guard let at = body["at"]?.text, let time = Timestamp(at), time > .now else { return problem(422, "VALIDATION_ERROR") }
            if state.posts[index].isPublic { return problem(409, "CONFLICT") }
            if state.posts[index].scheduledAt != at { append("PostScheduled", request.origin, to: index, &state) }
            state.posts[index].scheduledAt = at
        case (.delete, "schedule"):
            guard state.posts[index].scheduledAt.take() != nil else { return problem(404, "NOT_FOUND") }
            append("PostUnscheduled", request.origin, to: index, &state)
            return APIResponse(status: 204, body: nil, version: state.posts[index].entries.count)
        case (.post, "publish"):
            if state.posts[index].scheduledAt.take() != nil { append("PostUnscheduled", request.origin, to: index, &state) }
            state.posts[index].isPublic = true
            state.posts[index].publishedAt = body["publishedAt"]?.text
            append("PostPublished", request.origin, to: index, &state)
        case (.post, "unpublish"):
            state.posts[index].isPublic = false
            append("PostUnpublished", request.origin, to: index, &state)
        case (.patch, nil):
            if let slug = body["slug"]?.text, state.posts.contains(where: { $0.slug == slug && $0.id != state.posts[index].id && !$0.isDeleted }) {
                return duplicate("slug")
            }
            state.posts[index].title = body["title"]?.text ?? state.posts[index].title
            state.posts[index].content = body["content"]?.text ?? state.posts[index].content
            state.posts[index].slug = body["slug"]?.text ?? state.posts[index].slug
            append("PostEdited", request.origin, to: index, &state)
        case (.delete, nil):
            if state.posts[index].scheduledAt.take() != nil { append("PostUnscheduled", request.origin, to: index, &state) }
            state.posts[index].isDeleted = true
            append("PostDeleted", request.origin, to: index, &state)
            return APIResponse(status: 204, body: nil)
        default: return problem(404, "NOT_FOUND")
        }
        return success(200, json(state.posts[index]))
    }

    private static func create(_ request: APIRequest, _ caller: UUID, _ body: JSONObject, _ state: inout State) -> APIResponse {
        let slug = body["slug"]?.text ?? ""
        if state.posts.contains(where: { $0.slug == slug && !$0.isDeleted }) { return duplicate("slug") }
        state.posts.append(Post(id: .v7(), title: body["title"]?.text ?? "", content: body["content"]?.text ?? "", slug: slug, author: caller))
        append("PostDrafted", request.origin, to: state.posts.endIndex - 1, &state)
        return success(201, json(state.posts[state.posts.endIndex - 1]))
    }

    private static func append(_ type: String, _ origin: ImportOrigin?, to index: Int, _ state: inout State) {
        state.position += 1
        state.posts[index].entries.append(
            ImportedStream.Entry(
                position: state.position, version: state.posts[index].entries.count + 1, type: type,
                metadata: EventMetadata(actor: state.posts[index].author, command: .v7(), origin: origin)))
    }

    private static func json(_ user: User) -> JSONValue {
        .object([
            "id": .string(user.id.lowercased), "username": .string(user.username), "displayName": user.displayName.map { .string($0) } ?? .null,
        ])
    }

    private static func json(_ post: Post) -> JSONValue {
        .object(["id": .string(post.id.lowercased), "slug": .string(post.slug), "version": .integer(Int64(post.entries.count))])
    }

    static func success(_ status: Int, _ data: JSONValue) -> APIResponse {
        APIResponse(status: status, body: .object(["data": data]), position: 7, version: data["version"]?.int.map(Int.init))
    }

    static func problem(_ status: Int, _ code: String, retryAfter: Duration? = nil, details: [JSONValue] = []) -> APIResponse {
        APIResponse(status: status, body: .object(["code": .string(code), "details": .array(details)]), retryAfter: retryAfter)
    }

    private static func duplicate(_ field: String) -> APIResponse {
        problem(409, "DUPLICATE_ENTRY", details: [.object(["field": .string(field), "message": .string("is taken")])])
    }
}

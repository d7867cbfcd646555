import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// The steps of an account's closure that change the log. The auth service requests it and the relay leads it; each step may be called again at any
/// time.
struct ClosureRoutes: Sendable {
    let store: any EventStore
    let administration: Administration
    let posts: CommandHandler<PostRules>
    let hasher: any KeyedHasher

    func add(to routes: inout Routes) {
        routes.on(.requestClosure) { [self] request, context in
            let request = try await ClosureRequest(request, context, hasher: hasher)
            var command = request.command("claim")
            command.expected = request.expected
            let requested = try await administration.requestClosure(request.closure, of: request.user, by: .owner, in: command)
            return answer(requested.position, ("closure", .string(requested.id.lowercased)))
        }
        routes.on(.closeUser) { [self] request, context in
            let closure = try await ClosureRequest(request, context, hasher: hasher)
            return answer(try await administration.handle(.close, on: closure.user, by: .owner, in: closure.command("close")).position)
        }
        routes.on(.deletePostsOfUser) { [self] request, context in
            let (position, count) = try await deletePosts(ClosureRequest(request, context, hasher: hasher))
            return answer(position, ("count", .integer(Int64(count))))
        }
    }

    /// Deletes the user's posts, side by side. Those that are deleted already are no error. Returns the last position, and how many the closure has
    /// deleted.
    private func deletePosts(_ request: ClosureRequest) async throws -> (position: Int64, count: Int) {
        let closure = try await closureEvent(of: request.account)
        return try await withThrowingTaskGroup(of: Int64?.self) { group in
            for post in request.posts { group.addTask { try await delete(post, request, causation: closure.id) } }
            return try await group.reduce(into: (closure.position, 0)) { result, position in
                guard let position else { return }
                result = (max(result.0, position), result.1 + 1)
            }
        }
    }

    /// Where the post's deletion stands in the log; nil when somebody had deleted it before.
    private func delete(_ post: UUID, _ request: ClosureRequest, causation: UUID) async throws -> Int64? {
        do {
            return try await posts.handle(
                .delete(by: request.actor), on: StreamName(PostRules.category, post),
                in: request.command("post", post.lowercased, causation: causation)
            ).position
        } catch PostRefusal.deleted {
            return nil
        }
    }

    /// The event that closed the account: what its posts' deletions are caused by.
    private func closureEvent(of account: StreamName) async throws -> RecordedEvent {
        let last = try await store.read(StreamRead(account, .backwards), limit: 1).first
        guard let last, try UserRules.decode(last) == .closed else { throw Problem.conflict("The account is not closed.") }
        return last
    }

    private func answer(_ position: Int64, _ more: (name: String, value: JSONValue)? = nil) -> Response {
        var headers = HTTPFields()
        headers.setPosition(position)
        return Answer.data(headers: headers) {
            $0.object {
                $0.name("position")
                $0.integer(position)
                guard let more else { return }
                $0.name(more.name)
                $0.value(more.value)
            }
        }
    }
}

/// One request of an account's closure. Its commands take their ids from the closure's, so that a repeat, by whatever process and after whatever
/// crash, is the same command.
struct ClosureRequest: Sendable {
    /// More posts than this are sent in several requests.
    static let postLimit = 500

    let closure: UUID
    let user: UUID
    /// Of the user's stream, where the caller named a version.
    let expected: StreamExpectation
    let posts: [UUID]
    private let context: CallContext
    private let hasher: any KeyedHasher

    /// Reads `{"closure", "version"?, "posts"?}`. Only services get here.
    init(_ request: Request, _ context: CallContext, hasher: any KeyedHasher) async throws {
        user = try context.id()
        let body = try await request.jsonBody()
        guard let closure = body["closure"]?.text.flatMap({ UUID(lowercase: $0) }) else { throw Problem.validation("closure", "must be an id") }
        self.closure = closure
        expected = body["version"]?.int.map { .oneOf([Int(clamping: $0)]) } ?? .any
        posts = try Self.posts(body)
        self.context = context
        self.hasher = hasher
    }

    /// The stream of the account.
    var account: StreamName { StreamName(UserRules.category, user) }

    /// The user, acting for the last time.
    var actor: Actor { Actor(id: user, role: .user) }

    /// A command of the closure, told apart from its others by these words.
    func command(_ words: String..., causation: UUID? = nil) -> CommandContext {
        let key = CommandReceipt.Key(
            id: UUID(hash: hasher.hash(["closure", closure.lowercased] + words)),
            digest: hasher.hash(["closure", closure.lowercased, user.lowercased]))
        return CommandContext(
            key: key, isRepeatable: true,
            metadata: EventMetadata(
                actor: user, command: key.id, correlation: hasher.kept(requestID: context.requestID), causation: causation,
                traceparent: context.traceparent))
    }

    // Its errors untyped: typed ones crash the optimizing compiler (Swift 6.3.1) where this is inlined.
    private static func posts(_ body: JSONObject) throws -> [UUID] {
        guard let member = body["posts"] else { return [] }
        guard case .array(let elements) = member, elements.count <= postLimit else {
            throw Problem.validation("posts", "must be a list of \(postLimit) at most")
        }
        let posts = elements.compactMap { $0.text.flatMap { UUID(lowercase: $0) } }
        guard posts.count == elements.count else { throw Problem.validation("posts", "must be ids") }
        return posts
    }
}

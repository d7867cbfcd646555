import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Publishing

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

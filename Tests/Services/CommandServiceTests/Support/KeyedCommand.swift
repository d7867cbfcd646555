import EventSourcing
import FoundationEssentials
import HTTPTypes
import PublishingAPI

/// Every command that takes an `Idempotency-Key`, as it is sent to a new post of Ann's.
enum KeyedCommand: String, CaseIterable {
    case draft
    case draftUnderSlug
    case edit
    case editNothing
    case publish
    case publishAgain
    case unpublish
    case delete
    case profile
    case register
    case views

    private static let window = "00000000-0000-7000-8000-000000000000"

    /// One request.
    struct Call: Sendable {
        let method: HTTPRequest.Method
        let path: String
        let body: String?
    }

    /// Whether the post has to be published for it.
    var needsPublishedPost: Bool {
        switch self {
        case .publishAgain, .unpublish: true
        case .draft, .draftUnderSlug, .edit, .editNothing, .publish, .delete, .profile, .register, .views: false
        }
    }

    /// How many events the first one adds.
    var eventCount: Int {
        switch self {
        case .editNothing, .publishAgain: 0
        case .draft, .draftUnderSlug, .edit, .publish, .unpublish, .delete, .register, .views: 1
        case .profile: 2
        }
    }

    /// The service that sends it; nil for a command of users.
    var caller: ServiceName? {
        switch self {
        case .register: .auth
        case .views: .queries
        case .draft, .draftUnderSlug, .edit, .editNothing, .publish, .publishAgain, .unpublish, .delete, .profile: nil
        }
    }

    /// The headers of a call under an idempotency key.
    func headers(key: String) -> HTTPFields { caller.map { Newsroom.asService($0, key: key) } ?? .idempotencyKey(key) }

    func call(on post: DraftedPost) -> Call {
        switch self {
        case .draft: Call(method: .post, path: "/api/v1/posts", body: #"{"title":"A title","content":"New"}"#)
        case .draftUnderSlug: Call(method: .post, path: "/api/v1/posts", body: #"{"title":"A title","content":"New","slug":"new"}"#)
        case .edit: Call(method: .patch, path: post.path, body: #"{"title":"Another","slug":"another"}"#)
        case .editNothing: Call(method: .patch, path: post.path, body: #"{"title":"A title"}"#)
        case .publish, .publishAgain: Call(method: .post, path: "\(post.path)/publish", body: nil)
        case .unpublish: Call(method: .post, path: "\(post.path)/unpublish", body: nil)
        case .delete: Call(method: .delete, path: post.path, body: nil)
        case .profile: Call(method: .patch, path: "/api/v1/users/me", body: #"{"username":"anne","email":"anne@example.org"}"#)
        case .register:
            // Every try of one registration comes with an id of its own.
            Call(
                method: .post, path: "/internal/users",
                body: #"{"id":"\#(UUID.v7().lowercased)","username":"carl","email":"carl@example.org","requestDigest":"d"}"#)
        case .views:
            Call(
                method: .post, path: "/internal/views",
                body: #"{"window":"\#(Self.window)","views":[{"post":"\#(post.id.lowercased)","count":3},{"post":"\#(Self.window)","count":1}]}"#)
        }
    }

    /// A different request that a client might send under the same key.
    func other(on post: DraftedPost) -> Call {
        switch self {
        case .draft, .draftUnderSlug: Call(method: .post, path: "/api/v1/posts", body: #"{"title":"Another title","content":"New"}"#)
        case .edit, .editNothing: Call(method: .patch, path: post.path, body: #"{"title":"A third"}"#)
        case .publish, .publishAgain: Call(method: .post, path: "\(post.path)/publish", body: #"{"publishedAt":"2020-01-01T00:00:00Z"}"#)
        case .unpublish: Call(method: .delete, path: post.path, body: nil)
        case .delete: Call(method: .post, path: "\(post.path)/publish", body: nil)
        case .profile: Call(method: .patch, path: "/api/v1/users/me", body: #"{"username":"anna"}"#)
        case .register:
            Call(method: .post, path: "/internal/users", body: #"{"id":"\#(UUID.v7().lowercased)","username":"dora","email":"d@example.org"}"#)
        case .views: Call(method: .post, path: "/internal/views", body: #"{"views":[{"post":"\#(post.id.lowercased)","count":4}]}"#)
        }
    }
}

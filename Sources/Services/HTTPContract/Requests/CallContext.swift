package import AccessTokens
import EventSourcing
package import FoundationEssentials
package import Hummingbird
package import Logging
package import NIOCore
package import PublishingAPI
package import Spans

/// The context of one call: the same type in every service, so that a gateway can hand its own to a service in the same process.
package struct CallContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// `X-Request-ID`; empty until the first responder has read or made it.
    package var requestID = ""
    /// The W3C trace context; empty until the first responder has read or made it.
    package var traceparent = ""
    /// Whether the next span begins the trace: no caller has named one, and there is none of this process above it.
    package internal(set) var isTraceRoot = false
    package var caller = Caller.anonymous
    /// The connection, or the stream of one, that the request came by; nil where there is none.
    package let channel: (any Channel)?
    private let peer: SocketAddress?
    private var knownAddress: String?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
        peer = source.channel.remoteAddress
    }

    /// A context for a call that no request led to, such as a follower asking for its feed. Where spans are recorded, those of such calls are not:
    /// they come every second, whether anybody does anything or not.
    package init(
        logger: Logger, requestID: String = RequestIdentity.makeRequestID(),
        traceparent: String = RequestIdentity.makeTraceparent(isSampled: !SpanRecording.isOn)
    ) {
        coreContext = CoreRequestContextStorage(source: DetachedSource(logger: logger))
        channel = nil
        peer = nil
        self.requestID = requestID
        self.traceparent = traceparent
    }

    /// The caller's network address, without the port. Nil where there is none, as on a unix socket.
    package var clientAddress: String? {
        get { knownAddress ?? peer?.ipAddress }
        set { knownAddress = newValue }
    }

    /// Takes the ids from the request, or makes them, unless an earlier responder of this process did.
    package mutating func identify(by request: Request) {
        if requestID.isEmpty { requestID = RequestIdentity.requestID(of: request) }
        guard traceparent.isEmpty else { return }
        let given = RequestIdentity.givenTraceparent(request.header(.traceparent))
        isTraceRoot = given == nil
        traceparent = given ?? RequestIdentity.makeTraceparent()
    }
}

private struct DetachedSource: RequestContextSource {
    let logger: Logger
}

extension CallContext {
    /// Whether the caller may see and do what only that author and admins may.
    package func mayManage(postsOf author: UUID) -> Bool { user?.role == .admin || user?.id == author }

    /// Whether the caller may read the post. A draft is for its author and admins.
    package func mayRead(_ post: PostAccess) -> Bool { post.isPublished || mayManage(postsOf: post.author) }

    /// Throws unless the caller may have what only the post's author and admins may: 403, or 404 for a draft of somebody else.
    package func requireManagement(of post: PostAccess, or hidden: Problem = .notFound()) throws(Problem) {
        guard mayManage(postsOf: post.author) else { throw post.isPublished ? .forbidden("Only its author and admins may do this.") : hidden }
    }
}

/// The maker of a call, verified by the service that answers it.
package enum Caller: Sendable, Equatable {
    case anonymous
    case user(SignedInUser)
    case service(ServiceName)
}

extension Caller {
    /// Throws unless the caller may call an endpoint with this access. An internal endpoint does not exist for anyone else: 404.
    func require(_ access: Route.Access) throws(Problem) {
        switch (access, self) {
        case (.anyone, _), (.signedIn, .user): return
        case (.signedIn, .anonymous), (.signedIn, .service), (.admin, .anonymous), (.admin, .service): throw .unauthenticated()
        case (.admin, .user(let user)): guard user.role == .admin else { throw .forbidden("Only an admin may do this.") }
        case (.services(let names), .service(let name)): guard names.contains(name) else { throw .notFound() }
        case (.services, .anonymous), (.services, .user): throw .notFound()
        }
    }
}

extension CallContext {
    /// The user behind the call, if any.
    package var user: SignedInUser? {
        switch caller {
        case .user(let user): user
        case .anonymous, .service: nil
        }
    }

    /// The signed-in user, else 401.
    package func signedIn() throws(Problem) -> SignedInUser {
        guard let user else { throw .unauthenticated() }
        return user
    }
}

extension CallContext {
    /// The owner of keys that come without a token. The caller is unknown, so key and request together identify the command. A repeat may come from
    /// another address. Another request under the same key is another command.
    package static let anonymousKeyOwner = "anonymous"

    /// The owner of the caller's idempotency keys.
    package var keyOwner: String {
        switch caller {
        case .user(let user): user.id.lowercased
        case .service(let name): "service \(name)"
        case .anonymous: Self.anonymousKeyOwner
        }
    }

    /// The same of a call that may be one service's on behalf of another caller, which only services are believed.
    package func keyOwner(of request: Request) -> String {
        switch caller {
        case .service: request.header(.caller)?.string ?? keyOwner
        case .user, .anonymous: keyOwner
        }
    }
}

extension Parameters {
    /// An id in the path, in lower case, else 400.
    package func id(_ name: String = "id") throws(Problem) -> UUID {
        guard let id = UUID(lowercase: self[name[...]] ?? "") else { throw .malformed("The \(name) in the path is not a UUID in lower case.") }
        return id
    }

    /// A text in the path, decoded. NUL can't be in any name of ours, so it is 404.
    package func text(_ name: String) throws(Problem) -> String {
        guard let text = self[name[...]], !text.utf8.contains(0) else { throw .notFound() }
        return String(text)
    }

    /// A position or another whole number in the path, not negative, else 400.
    package func number(_ name: String) throws(Problem) -> Int64 {
        guard let number = self[name[...]].flatMap({ WireText($0).number }) else {
            throw .malformed("The \(name) in the path is not a whole number.")
        }
        return number
    }
}

extension CallContext {
    /// An id in the path, in lower case, else 400.
    package func id(_ name: String = "id") throws(Problem) -> UUID { try parameters.id(name) }
}

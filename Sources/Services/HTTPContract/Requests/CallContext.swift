package import Hummingbird
package import Logging
import NIOCore

/// The context of one call: the same type in every service, so that a gateway can hand its own to a service in the same process.
package struct CallContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// `X-Request-ID`; empty until the first responder has read or made it.
    package var requestID = ""
    /// The W3C trace context; empty until the first responder has read or made it.
    package var traceparent = ""
    package var caller = Caller.anonymous
    private let peer: SocketAddress?
    private var knownAddress: String?

    package init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        peer = source.channel.remoteAddress
    }

    /// A context for a call that no request led to, such as a follower asking for its feed.
    package init(logger: Logger, requestID: String = RequestIdentity.makeRequestID(), traceparent: String = RequestIdentity.makeTraceparent()) {
        coreContext = CoreRequestContextStorage(source: DetachedSource(logger: logger))
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
        if traceparent.isEmpty { traceparent = RequestIdentity.traceparent(of: request) }
    }
}

private struct DetachedSource: RequestContextSource {
    let logger: Logger
}

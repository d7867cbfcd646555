package import HTTPContract
import HTTPTypes
package import Hummingbird
import Synchronization

/// A service of another process, as the gateway reaches it: each request says for whom it is and how that client called.
///
/// `Forwarded` and `X-Forwarded-…` are for everybody on the way; what they said before is believed already, or dropped. The service itself believes
/// only `X-Annals-Client`, and that only beside the gateway's token.
package struct ForwardingUpstream: Upstream {
    private let upstream: any Upstream
    private let isSecure: Bool
    private let token: GatewayToken

    /// - Parameters:
    ///   - isSecure: whether clients reach the gateway itself by TLS.
    ///   - token: signs a token of the gateway for the service, good for a minute.
    package init(_ upstream: any Upstream, isSecure: Bool, token: @escaping @Sendable () throws -> String) {
        self.upstream = upstream
        self.isSecure = isSecure
        self.token = GatewayToken(sign: token)
    }

    package func send(_ request: Request, context: CallContext) async throws -> Response {
        try await upstream.send(try marked(request, context), context: context)
    }

    package func send(_ request: Request, as call: VerifiedCall, context: CallContext) async throws -> Response {
        try await upstream.send(try marked(request, context), as: call, context: context)
    }

    private func marked(_ request: Request, _ context: CallContext) throws -> Request {
        var head = request.head
        // The nearest proxy's word comes last.
        let said = ForwardedElement.list(forwarded: request.header(.forwarded) ?? "")?.last
        func last(_ name: HTTPField.Name) -> WireText? { request.header(name)?.split(at: ",").last?.trimmingBlanks }
        let schemes = [last(.forwardedProto), said?.scheme].compactMap { $0 }
        let isHTTPS = schemes.first { $0.isWord("http") || $0.isWord("https") }?.isWord("https") ?? isSecure
        let hosts = [last(.forwardedHost), said?.host].compactMap { $0 }
        let host = hosts.first { RequestHeadRules.isHost($0.string.utf8) }?.string ?? head.authority
        head.headerFields.setForwarded(for: context.clientAddress, scheme: isHTTPS ? "https" : "http", host: host)
        head.headerFields[.client] = context.clientAddress
        head.headerFields[.gatewayToken] = try token.current()
        return Request(head: head, body: request.body)
    }
}

extension HTTPFields {
    /// Says whom a request is forwarded for, in both spellings, and nothing else.
    fileprivate mutating func setForwarded(for client: String?, scheme: String, host: String?) {
        let node = client.map { $0.contains(":") ? "\"[\($0)]\"" : $0 } ?? "unknown"
        self[.forwarded] = "for=\(node);proto=\(scheme)" + (host.map { ";host=\"\($0)\"" } ?? "")
        self[.forwardedFor] = client
        self[.forwardedProto] = scheme
        self[.forwardedHost] = host
    }
}

/// The gateway's token for one service, signed anew after half its time: a signature costs more than many a call.
private final class GatewayToken: Sendable {
    private static let reuse = Duration.seconds(20)

    private let sign: @Sendable () throws -> String
    private let last = Mutex<(text: String, until: ContinuousClock.Instant)?>(nil)

    init(sign: @escaping @Sendable () throws -> String) { self.sign = sign }

    func current() throws -> String {
        try last.withLock { last in
            if let last, last.until > .now { return last.text }
            let text = try sign()
            last = (text, .now + Self.reuse)
            return text
        }
    }
}

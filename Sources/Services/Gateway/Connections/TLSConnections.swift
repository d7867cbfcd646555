package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOSSL
import NIOTLS

extension HTTPServerBuilder {
    /// HTTPS: HTTP/2 for clients that ask for it (ALPN), HTTP/1.1 for all others, under the same limits.
    package static func https(
        certificates: CertificateFiles, limits: ConnectionLimits, direct: (any DirectResponder)? = nil
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            TLSConnections(
                certificates: certificates, limits: limits, http1: HTTP1Connections(limits: limits, direct: direct, responder: responder),
                http2: HTTP2Connections(limits: limits, responder: responder))
        }
    }
}

/// Connections that begin with a TLS handshake, which decides on the version of HTTP.
struct TLSConnections: ServerChildChannel {
    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<NIONegotiatedHTTPVersion<HTTP1Connections.Value, HTTP2Connections.Value>>
        let channel: any Channel
    }

    let certificates: CertificateFiles
    let limits: ConnectionLimits
    let http1: HTTP1Connections
    let http2: HTTP2Connections

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let negotiation = NIOTypedApplicationProtocolNegotiationHandler<
                NIONegotiatedHTTPVersion<HTTP1Connections.Value, HTTP2Connections.Value>
            > { result in
                switch result {
                case .negotiated("h2"): http2.setup(channel: channel, logger: logger).map { .http2($0) }
                case .negotiated, .fallback: http1.setup(channel: channel, logger: logger).map { .http1_1($0) }
                }
            }
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLServerHandler(context: certificates.context()))
            try pipeline.addHandler(HandshakeTimeout(limits.headers))
            try pipeline.addHandler(negotiation)
            return Value(negotiated: negotiation.protocolNegotiationResult, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http1_1(let value): await http1.handle(value: value, logger: logger)
            case .http2(let value): await http2.handle(value: value, logger: logger)
            }
        } catch {
            logger.debug("a TLS handshake failed", metadata: ["error": "\(error)"])
        }
    }
}

/// Closes a connection whose handshake takes longer than a request's headers may.
///
/// Its timer stays until its time: to cancel one costs a walk through all timers.
final class HandshakeTimeout: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let limit: TimeAmount
    private var isOver = false

    init(_ limit: Duration) { self.limit = TimeAmount(limit) }

    func handlerAdded(context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated().scheduleTask(in: limit) { [weak self, weak context] in
            guard let self, let context, !self.isOver else { return }
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: isOver = true
        // The server stops, and what would tell the connection so is made after the handshake.
        case is ChannelShouldQuiesceEvent where !isOver: return context.close(promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isOver = true
        context.fireChannelInactive()
    }
}

package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

extension HTTPServerBuilder {
    /// HTTP/1.1 that holds its clients to limits and to RFC 9112, also where Hummingbird leaves that open.
    package static func http1(limits: ConnectionLimits) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in HTTP1Connections(limits: limits, responder: responder) }
    }
}

/// Hummingbird's HTTP/1.1 with two handlers of ours around its decoder. Its own idle timeout stays off: it cancels a timer with each connection that
/// ends, and a cancelled timer is looked for among all others, so that ten thousand clients who hang up at once stop the event loop.
struct HTTP1Connections: ServerChildChannel {
    private let limits: ConnectionLimits
    private let http1: HTTP1Channel

    init(limits: ConnectionLimits, responder: @escaping HTTPChannelHandler.Responder) {
        self.limits = limits
        http1 = HTTP1Channel(
            responder: { request, writer, channel in try await responder(request.awaitingContinue(on: channel), writer, channel) },
            configuration: HTTP1Channel.Configuration(
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headBytes, maxHeaderListSize: limits.headBytes, maxHeaderFieldCount: limits.headerFields)))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let limits = limits
        do {
            // Requests of a few bytes come hundreds in a buffer. One turn of the event loop reads no more of a connection than it can decode in a few
            // milliseconds.
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            try channel.syncOptions?.setOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 16 << 10))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        // The future is there already: all of this happens before the first byte is read.
        return http1.setup(channel: channel, logger: logger).map { value in
            do {
                try Self.limit(channel.pipeline.syncOperations, limits, at: channel.eventLoop.now, logger: logger)
            } catch {
                // The client has hung up. The value is served all the same: one that is dropped unserved ends the process.
                logger.debug("a connection was closed before it was set up", metadata: ["error": "\(error)"])
                channel.close(promise: nil)
            }
            return value
        }
    }

    /// Puts the handlers around the decoder that is there.
    static func limit(_ pipeline: ChannelPipeline.SynchronousOperations, _ limits: ConnectionLimits, at now: NIODeadline, logger: Logger) throws {
        let timeouts = ConnectionTimeouts(limits, at: now)
        let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try pipeline.addHandler(ExchangeHandler(timeouts, limits: limits, logger: logger), position: .after(decoder))
        // Where bytes are bytes of HTTP: behind TLS, if there is any.
        let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
        try pipeline.addHandler(TimeoutHandler(timeouts, linger: limits.linger), position: .before(encoder))
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async { await http1.handle(value: value, logger: logger) }
}

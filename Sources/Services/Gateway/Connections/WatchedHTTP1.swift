package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1

extension HTTPServerBuilder {
    /// HTTP/1.1 that holds its clients to limits, also those that Hummingbird leaves open: it has no eye for bytes that make no request.
    package static func watchedHTTP1(_ limits: ConnectionLimits) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in WatchedHTTP1(limits: limits, responder: responder) }
    }
}

/// Hummingbird's HTTP/1.1 with two handlers of ours. Its own idle timeout stays off: it cancels a timer with each connection that ends, and a cancelled timer is looked for
/// among all others, so that ten thousand clients who hang up at once stop the event loop.
struct WatchedHTTP1: ServerChildChannel {
    private let limits: ConnectionLimits
    private let http1: HTTP1Channel

    init(limits: ConnectionLimits, responder: @escaping HTTPChannelHandler.Responder) {
        self.limits = limits
        http1 = HTTP1Channel(
            responder: responder,
            configuration: HTTP1Channel.Configuration(
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headBytes, maxHeaderListSize: limits.headBytes, maxHeaderFieldCount: limits.headerFields)))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<HTTP1Channel.Value> {
        let limits = limits
        // The future is there already: all of this happens before the first byte is read.
        return http1.setup(channel: channel, logger: logger).flatMapThrowing { value in
            try Self.watch(channel.pipeline.syncOperations, limits, at: channel.eventLoop.now)
            return value
        }
    }

    /// Puts the handlers around the decoder that is there.
    static func watch(_ pipeline: ChannelPipeline.SynchronousOperations, _ limits: ConnectionLimits, at now: NIODeadline) throws {
        let client = WatchedClient(limits, at: now)
        let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        try pipeline.addHandler(RequestWatch(client), position: .after(decoder))
        try pipeline.addHandler(ByteWatch(client), position: .first)
    }

    func handle(value: HTTP1Channel.Value, logger: Logger) async {
        await http1.handle(value: value, logger: logger)
    }
}

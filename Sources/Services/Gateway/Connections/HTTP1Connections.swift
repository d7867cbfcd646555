import HTTPContract
package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

extension HTTPServerBuilder {
    /// HTTP/1.1 that holds its clients to limits and to RFC 9112, also where Hummingbird leaves that open.
    /// - Parameter direct: answers calls without a task, where it can.
    package static func http1(limits: ConnectionLimits, direct: (any DirectResponder)? = nil) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in HTTP1Connections(limits: limits, direct: direct, responder: responder) }
    }
}

/// Hummingbird's HTTP/1.1 behind handlers of ours. Its own idle timeout is left out: it cancels a timer with each connection that ends, and a
/// cancelled timer is looked for among all others, so that ten thousand clients who hang up at once stop the event loop.
struct HTTP1Connections: HTTPChannelHandler {
    /// A connection, and the channel of its task once a request needs one.
    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let taskChannel: EventLoopFuture<CallSwitch.TaskChannel?>
    }

    let responder: HTTPChannelHandler.Responder
    private let limits: ConnectionLimits
    private let direct: (any DirectResponder)?

    init(limits: ConnectionLimits, direct: (any DirectResponder)? = nil, responder: @escaping HTTPChannelHandler.Responder) {
        self.limits = limits
        self.direct = direct
        self.responder = { request, writer, channel in try await responder(request.awaitingContinue(on: channel), writer, channel) }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let taskChannel = channel.eventLoop.makePromise(of: CallSwitch.TaskChannel?.self)
        do {
            // Requests of a few bytes come hundreds in a buffer. One turn of the event loop reads no more of a connection than it can decode in a few
            // milliseconds.
            try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            try channel.syncOptions?.setOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 2048, maximum: 16 << 10))
            var decoding = NIOHTTPDecoderLimitConfiguration()
            decoding.maxHeaderFieldSize = limits.headBytes
            decoding.maxHeaderListSize = limits.headBytes
            decoding.maxHeaderFieldCount = limits.headerFields
            let pipeline = channel.pipeline.syncOperations
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false, withEncoderConfiguration: .init(),
                withDecoderLimitConfiguration: decoding)
            let exchanges = try Self.limit(pipeline, limits, at: channel.eventLoop.now, logger: logger)
            try pipeline.addHandler(CallSwitch(direct, behind: exchanges, taskChannel: taskChannel, logger: logger))
        } catch {
            taskChannel.succeed(nil)
            return channel.eventLoop.makeFailedFuture(error)
        }
        return channel.eventLoop.makeSucceededFuture(Value(channel: channel, taskChannel: taskChannel.futureResult))
    }

    /// Puts the handlers around the decoder that is there.
    @discardableResult
    static func limit(
        _ pipeline: ChannelPipeline.SynchronousOperations, _ limits: ConnectionLimits, at now: NIODeadline, logger: Logger
    ) throws -> ExchangeHandler {
        let timeouts = ConnectionTimeouts(limits, at: now)
        let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
        let exchanges = ExchangeHandler(timeouts, limits: limits, logger: logger)
        try pipeline.addHandler(exchanges, position: .after(decoder))
        // Where bytes are bytes of HTTP: behind TLS, if there is any.
        let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
        try pipeline.addHandler(TimeoutHandler(timeouts, linger: limits.linger), position: .before(encoder))
        return exchanges
    }

    func handle(value: Value, logger: Logger) async {
        let taskChannel = await withTaskCancellationHandler {
            try? await value.taskChannel.get()
        } onCancel: {
            value.channel.close(mode: .input, promise: nil)
        }
        // Without one, the connection has ended, and all of its calls were direct.
        guard let taskChannel else { return }
        await handleHTTP(asyncChannel: taskChannel, logger: logger)
    }
}

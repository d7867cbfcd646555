import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP2
import NIOHTTPTypes
import NIOHTTPTypesHTTP2

/// HTTP/2 connections: each of their streams is held to the limits that an HTTP/1.1 connection is held to, and so is each connection.
///
/// swift-nio-http2 ends connections that reset streams too fast (CVE-2023-44487), go on with a header block for too many frames, or send too many
/// frames that carry nothing; see its defaults. The time that all of that may take is ours to bound.
struct HTTP2Connections: ServerChildChannel {
    typealias Stream = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    struct Value: ServerChildChannelValue {
        let streams: NIOHTTP2Handler.AsyncStreamMultiplexer<Stream>
        let channel: any Channel
    }

    private let limits: ConnectionLimits
    /// Answers the one request of a stream as it does those of a connection: it reads parts of requests and writes parts of responses.
    private let requests: HTTP1Channel

    init(limits: ConnectionLimits, responder: @escaping HTTPChannelHandler.Responder) {
        self.limits = limits
        requests = HTTP1Channel { request, writer, channel in
            try await responder(request.awaitingContinue(on: channel), writer, channel)
        }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let watch = NIOLoopBound(StreamWatch(limits, at: channel.eventLoop.now), eventLoop: channel.eventLoop)
            try pipeline.addHandler(HTTP2TimeoutHandler(watch.value, limits))
            let manager = NIOHTTP2ServerConnectionManagementHandler(
                eventLoop: channel.eventLoop,
                configuration: .init(maxIdleTime: nil, maxAge: nil, maxGraceTime: TimeAmount(limits.send), keepalive: nil))
            let streams = try pipeline.configureAsyncHTTP2Pipeline(
                mode: .server, streamDelegate: manager.http2StreamDelegate, frameDelegate: watch.value, configuration: configuration
            ) { [limits] stream in
                stream.eventLoop.makeCompletedFuture {
                    let pipeline = stream.pipeline.syncOperations
                    try pipeline.addHandler(HTTP2FramePayloadToHTTPServerCodec())
                    try pipeline.addHandler(StreamHandler(watch.value, limits, logger: logger))
                    return try Stream(wrappingChannelSynchronously: stream)
                }
            }
            try pipeline.addHandler(manager)
            try pipeline.addHandler(BrokenConnection(watch.value))
            return Value(streams: streams, channel: channel)
        }
    }

    private var configuration: NIOHTTP2Handler.Configuration {
        var configuration = NIOHTTP2Handler.Configuration()
        // Twice what is let in, so that a head that is a little too large can be answered. What is larger ends the connection.
        configuration.connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 2 * limits.headBytes),
        ]
        return configuration
    }

    func handle(value: Value, logger: Logger) async {
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for try await stream in value.streams.inbound { group.addTask { await requests.handle(value: stream, logger: logger) } }
            }
        } catch {
            logger.debug("an HTTP/2 connection ended", metadata: ["error": "\(error)"])
        }
    }
}

/// Ends a connection that was told to go for an error of its own, which swift-nio-http2 leaves open. An error of one stream has reset that stream.
private final class BrokenConnection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let watch: StreamWatch

    init(_ watch: StreamWatch) { self.watch = watch }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if watch.hasGivenUp { context.close(promise: nil) }
    }
}

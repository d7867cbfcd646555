package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Answers `GET /metrics` on a port of its own, which no gateway exposes.
package struct MetricsServer: Sendable {
    /// A connection on which nothing arrives for this long is closed.
    private static let idleTimeout = TimeAmount.seconds(120)

    private let registry: MetricsRegistry
    private let host: String
    private let port: Int
    private let onListening: @Sendable (_ port: Int) -> Void
    private let logger: Logger

    /// - Parameter port: 0 is any free one; `onListening` is told which.
    package init(
        _ registry: MetricsRegistry, host: String = "127.0.0.1", port: Int, onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in },
        logger: Logger
    ) {
        self.registry = registry
        self.host = host
        self.port = port
        self.onListening = onListening
        self.logger = logger
    }

    /// Listens until cancelled. A port that is taken is a line in the log and nothing else: a process that serves is worth more than its figures.
    package func run() async throws {
        let channel: any Channel
        do {
            channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { [registry] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                        try channel.pipeline.syncOperations.addHandlers(
                            IdleStateHandler(readTimeout: Self.idleTimeout), MetricsHandler(registry))
                    }
                }
                .bind(host: host, port: port).get()
        } catch {
            logger.warning("metrics can't be served", metadata: ["host": "\(host)", "port": "\(port)", "error": "\(error)"])
            while true { try await Task.sleep(for: .seconds(86_400)) }
        }
        onListening(channel.localAddress?.port ?? port)
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        try Task.checkCancellation()
    }
}

private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let registry: MetricsRegistry
    private var head: HTTPRequestHead?

    init(_ registry: MetricsRegistry) { self.registry = registry }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: return
        case .end:
            guard let head else { return }
            answer(head, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) } else { context.fireUserInboundEventTriggered(event) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func answer(_ request: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let isKnown = request.uri == "/metrics" || request.uri.hasPrefix("/metrics?")
        let isAllowed = request.method == .GET || request.method == .HEAD
        let format = MetricsText.Format(accept: request.headers.first(name: "accept"))
        let body = isKnown && isAllowed ? registry.text(format) : "The metrics are at /metrics.\n"
        var headers = HTTPHeaders([("content-length", "\(body.utf8.count)"), ("cache-control", "no-store")])
        headers.add(name: "content-type", value: isKnown && isAllowed ? format.contentType : "text/plain; charset=utf-8")
        if isKnown && !isAllowed { headers.add(name: "allow", value: "GET, HEAD") }
        if !request.isKeepAlive { headers.add(name: "connection", value: "close") }
        let status: HTTPResponseStatus = isKnown ? isAllowed ? .ok : .methodNotAllowed : .notFound
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: request.version, status: status, headers: headers))), promise: nil)
        if request.method != .HEAD { context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil) }
        let written = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !request.isKeepAlive {
            let channel = context.channel
            written.whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

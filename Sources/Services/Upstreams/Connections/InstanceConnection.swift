import NIOCore
import NIOHTTP1

/// A connection to an instance, over HTTP/1.1. It carries one exchange at a time. Used on its event loop only.
final class InstanceConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    private enum State {
        case idle
        case awaiting(InstanceExchange)
        case gathering(InstanceExchange, HTTPResponseHead, ByteBuffer)
        case streaming(InstanceExchange, HTTPResponseHead, AnswerParts.Source)
        case closed
    }

    private let bufferedBytes: Int
    /// Called when an exchange is over, so that a connection that can carry another one is kept.
    private let onEnd: (InstanceConnection, InstanceExchange, _ isReusable: Bool) -> Void
    /// The delegate of a body's reader.
    private let reader: (InstanceExchange) -> AnswerPartsReader
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var isRequestComplete = false
    /// Whether the instance has not taken the last part of the request's body.
    private var isWriting = false
    private var isPaused = false
    private var wantsRead = false
    /// Since when it carries nothing.
    var idleSince = NIODeadline.now()

    /// - Parameter bufferedBytes: the size up to which an answer's body is handed on as a whole.
    init(
        bufferedBytes: Int, reader: @escaping (InstanceExchange) -> AnswerPartsReader,
        onEnd: @escaping (InstanceConnection, InstanceExchange, _ isReusable: Bool) -> Void
    ) {
        self.bufferedBytes = bufferedBytes
        self.reader = reader
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// Whether it can carry an exchange.
    var isIdle: Bool { if case .idle = state, context?.channel.isActive == true { true } else { false } }

    /// Whether the instance can't go on: the reader of its answer is slower, or the rest of the request's body has not come.
    var isHeldUp: Bool { isPaused || awaitsBody }

    /// Whether the rest of the request's body has not come from its client. The instance takes what there is of it.
    var awaitsBody: Bool {
        guard case .awaiting = state else { return false }
        return !isRequestComplete && !isWriting
    }

    /// Sends a request, or the head of one whose body its caller writes.
    func begin(_ exchange: InstanceExchange) {
        guard case .idle = state, let context else {
            onEnd(self, exchange, false)
            return exchange.settle(.failure(UpstreamFailure(.unreachable, "the connection has ended")))
        }
        state = .awaiting(exchange)
        isRequestComplete = exchange.body != nil
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        if let body = exchange.body {
            if body.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.flush()
        exchange.begin(on: self, context.channel)
    }

    /// Ends the exchange and the connection with it: nothing else would tell the instance.
    func close(for error: any Error) {
        fail(error)
        context?.close(mode: .all, promise: nil)
    }

    /// The reader wants more.
    func resume() {
        guard isPaused else { return }
        isPaused = false
        guard wantsRead else { return }
        wantsRead = false
        context?.read()
    }

    // MARK: the channel

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch (unwrapOutboundIn(data), state) {
        case (.end, .awaiting(let exchange)):
            isRequestComplete = true
            // Before, there was nothing to say.
            exchange.heard = context.eventLoop.now
        case (.end, _): isRequestComplete = true
        case (.body, _):
            isWriting = true
            let (sent, bound) = (promise ?? context.eventLoop.makePromise(of: Void.self), NIOLoopBound(self, eventLoop: context.eventLoop))
            sent.futureResult.whenComplete { _ in bound.value.isWriting = false }
            return context.write(data, promise: sent)
        case (.head, _): break
        }
        context.write(data, promise: promise)
    }

    func read(context: ChannelHandlerContext) {
        if isPaused { wantsRead = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .awaiting(let exchange)): receive(head, exchange)
        case (.body(let part), .gathering(let exchange, let head, var body)):
            // The buffer is held once while it grows.
            state = .closed
            body.writeImmutableBuffer(part)
            state = .gathering(exchange, head, body)
            exchange.heard = context.eventLoop.now
        case (.body(let part), .streaming(let exchange, _, let parts)):
            exchange.heard = context.eventLoop.now
            if case .stopProducing = parts.yield(part) { isPaused = true }
        case (.end, .gathering(let exchange, let head, let body)):
            end(exchange, isReusable: head.isKeepAlive && isRequestComplete)
            exchange.settle(.success(InstanceAnswer(head: head, body: .whole(body))))
        case (.end, .streaming(let exchange, let head, let parts)):
            end(exchange, isReusable: head.isKeepAlive && isRequestComplete)
            parts.finish()
        case (.head, .idle), (.head, .gathering), (.head, .streaming), (.body, .idle), (.body, .awaiting), (.end, .idle), (.end, .awaiting):
            close(for: UpstreamFailure(.broken, "an answer came to no request"))
        case (_, .closed): break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { close(for: UpstreamFailure(error)) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(UpstreamFailure(.broken, "the connection ended before the answer did"))
        state = .closed
        context.fireChannelInactive()
    }

    // MARK: the exchange

    private func receive(_ head: HTTPResponseHead, _ exchange: InstanceExchange) {
        exchange.heard = .now()
        if head.status.code == 101 { return close(for: UpstreamFailure(.broken, "the answer takes up another protocol, which was not asked for")) }
        // RFC 9110 §15.2: the final one follows.
        if 100..<200 ~= head.status.code { return }
        let length = head.headers.first(name: "Content-Length").flatMap { Int($0) }
        let hasBody = exchange.head.method != .HEAD && head.status != .noContent && head.status != .notModified && length != 0
        if !hasBody || length.map({ $0 <= bufferedBytes }) == true {
            var body = ByteBuffer()
            if hasBody, let length { body.reserveCapacity(length) }
            state = .gathering(exchange, head, body)
        } else {
            let made = AnswerParts.makeSequence(
                elementType: ByteBuffer.self, failureType: (any Error).self, backPressureStrategy: .init(lowWatermark: 2, highWatermark: 8),
                finishOnDeinit: true, delegate: reader(exchange))
            state = .streaming(exchange, head, made.source)
            exchange.settle(.success(InstanceAnswer(head: head, body: .parts(made.sequence))))
        }
    }

    private func end(_ exchange: InstanceExchange, isReusable: Bool) {
        state = isReusable ? .idle : .closed
        isPaused = false
        idleSince = .now()
        onEnd(self, exchange, isReusable)
        if isReusable { resumeReading() } else { context?.close(mode: .all, promise: nil) }
    }

    private func resumeReading() {
        guard wantsRead else { return }
        wantsRead = false
        context?.read()
    }

    private func fail(_ error: any Error) {
        let exchange: InstanceExchange
        switch state {
        case .awaiting(let waiting), .gathering(let waiting, _, _): exchange = waiting
        case .streaming(let waiting, _, let parts):
            exchange = waiting
            parts.finish(error)
        case .idle, .closed:
            state = .closed
            return
        }
        state = .closed
        onEnd(self, exchange, false)
        exchange.settle(.failure(error))
    }
}

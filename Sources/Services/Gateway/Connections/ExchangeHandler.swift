import FoundationEssentials
import HTTPContract
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

/// Keeps a connection to what HTTP/1.1 asks of a server (RFC 9112) beyond what decoder and encoder do: refuses what may not be answered otherwise, in
/// the order of the requests, and ends the connection when it must end, once everything is sent.
final class ExchangeHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let timeouts: ConnectionTimeouts
    private let limits: ConnectionLimits
    private let logger: Logger
    /// The oldest is the one whose response is written.
    private var exchanges = CircularBuffer<Exchange>(initialCapacity: 2)
    /// The last word of the connection, once the exchanges before it are complete.
    private var refusal: Refusal?
    private var smallParts: ByteBuffer?
    private var isEnding = false
    private var isStopping = false
    private var context: ChannelHandlerContext?
    private var encoder: ChannelHandlerContext?

    init(_ timeouts: ConnectionTimeouts, limits: ConnectionLimits, logger: Logger) {
        self.timeouts = timeouts
        self.limits = limits
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        encoder = nil
    }

    // MARK: requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard timeouts.isReading else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            timeouts.headIsRead()
            if let problem = RequestHeadRules(maximumTargetBytes: limits.targetBytes).violation(of: head) {
                return refuse(Refusal(problem, of: head), context)
            }
            exchanges.append(Exchange(head))
            if isStopping { exchanges.last?.isLast = true }
            context.fireChannelRead(data)
        case .body(let part):
            exchanges.last?.awaitsContinue = false
            forward(part, context)
        case .end:
            forwardSmallParts(context)
            timeouts.requestIsRead()
            exchanges.last?.awaitsContinue = false
            exchanges.last?.isRequestComplete = true
            // RFC 9112 §9.6: no request behind this one is looked at.
            if exchanges.last?.isLast == true { timeouts.endInput() }
            removeCompleteExchange()
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        forwardSmallParts(context)
        context.fireChannelReadComplete()
    }

    /// Each part costs the server behind the same, however small. So the parts of a body in chunks of a few bytes are put together, as far as they
    /// came at once.
    private func forward(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        if part.readableBytes < 1024 {
            if smallParts?.writeImmutableBuffer(part) == nil { smallParts = part }
        } else {
            forwardSmallParts(context)
            context.fireChannelRead(wrapInboundOut(.body(part)))
        }
    }

    private func forwardSmallParts(_ context: ChannelHandlerContext) {
        guard let parts = smallParts else { return }
        smallParts = nil
        context.fireChannelRead(wrapInboundOut(.body(parts)))
    }

    // MARK: refusals

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError, timeouts.isReading {
            forwardSmallParts(context)
            refuse(Refusal(Problem(error, isInRequestLine: timeouts.isInRequestLine, limits: limits)), context)
        } else if !(error is ByteToMessageDecoderError) {
            context.fireErrorCaught(error)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case let violation as ConnectionTimeouts.Violation: refuse(Refusal(Problem(violation, limits: limits)), context)
        case ChannelEvent.inputClosed:
            endAfterLastExchange(context)
            endUnlessAnswered(context)
            context.fireUserInboundEventTriggered(event)
        // The server behind would take it for the end of everything and reset the connection under the response that was just sent.
        case ChannelEvent.outputClosed: break
        case is ChannelShouldQuiesceEvent: stop(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Nothing more is read. The refusal is the response to the request that is being read, or is about no request; it is sent when those before
    /// have their responses.
    private func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        timeouts.endInput()
        logger.debug(
            "request refused", metadata: ["requestId": "\(RequestIdentity.logged(refusal.requestID))", "status": "\(refusal.problem.status.code)"])
        guard let unread = exchanges.last, !unread.isRequestComplete else { return settle(with: refusal, context) }
        if unread.isResponseBegun {
            // It is too late to say anything else.
            unread.isLast = true
            if unread.isResponseComplete { end(context) }
        } else {
            exchanges.removeLast()
            settle(with: refusal, context)
        }
        // Ends the reading of its body, which is not all there.
        context.fireErrorCaught(HTTPParserError.invalidEOFState)
    }

    private func settle(with refusal: Refusal, _ context: ChannelHandlerContext) {
        guard exchanges.isEmpty else {
            self.refusal = refusal
            return
        }
        for part in refusal.response(date: .now) { context.write(wrapOutboundOut(part), promise: nil) }
        end(context)
    }

    /// The server stops. What is being answered is answered first, and so is a request that is on its way: a connection that is closed over unread
    /// bytes is reset, and the answer before them may be lost.
    private func stop(_ context: ChannelHandlerContext) {
        isStopping = true
        guard exchanges.isEmpty else { return endAfterLastExchange(context) }
        context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limits.settle)) { [weak self, weak context] in
            guard let self, let context, self.exchanges.isEmpty else { return }
            self.end(context, mode: .all)
        }
    }

    private func endAfterLastExchange(_ context: ChannelHandlerContext) {
        if exchanges.isEmpty {
            end(context)
        } else {
            exchanges.last?.isLast = true
            if exchanges.last?.isRequestComplete == true { timeouts.endInput() }
        }
    }

    /// A client that has shut its side may wait for its answer, but has most likely gone. It gets a moment; then the connection ends, and with it the
    /// work for it.
    private func endUnlessAnswered(_ context: ChannelHandlerContext) {
        guard !exchanges.isEmpty else { return }
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: TimeAmount(limits.halfClosed)) {
            let (handler, context) = bound.value
            guard let exchange = handler.exchanges.first, !exchange.isResponseBegun || exchange.isEndless else { return }
            context.close(mode: .all, promise: nil)
        }
    }

    // MARK: responses

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsAwaited else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if let exchange = exchanges.first, exchange.awaitsContinue, !exchange.isResponseBegun {
            exchange.awaitsContinue = false
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
        }
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // The server behind may answer a request that was refused, or that was answered before its body turned out to be none.
        guard let exchange = exchanges.first, !exchange.isResponseComplete else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            exchange.isResponseBegun = true
            if isDraining { endAfterLastExchange(context) }
            // The client may send the body all the same, or not: nobody could tell the next request from it.
            if exchange.awaitsContinue {
                timeouts.endInput()
                exchange.isLast = true
            }
            context.write(wrapOutboundOut(.head(exchange.finished(head))), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            completeResponse(to: exchange, at: context.eventLoop.now, context)
        }
    }

    /// Whether the connection ends with its next response.
    var isDraining: Bool { limits.drain?.hasBegun == true }

    /// Sends a whole response to the oldest request, in one write and past the encoder, which has nothing to add to it.
    func respond(_ answer: ReadyAnswer, withoutBody: Bool) {
        guard let context, let exchange = exchanges.first, !exchange.isResponseComplete else { return }
        guard let encoder = encoder ?? (try? context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)) else {
            return context.close(promise: nil)
        }
        self.encoder = encoder
        exchange.isResponseBegun = true
        if isDraining { endAfterLastExchange(context) }
        let now = context.eventLoop.now
        let (bytes, body) = WholeResponse.bytes(
            of: answer, isLast: exchange.isLast, withoutBody: withoutBody, allocator: context.channel.allocator, at: now)
        encoder.write(NIOAny(IOData.byteBuffer(bytes)), promise: nil)
        if let body { encoder.write(NIOAny(IOData.byteBuffer(body)), promise: nil) }
        encoder.flush()
        completeResponse(to: exchange, at: now, context)
    }

    private func completeResponse(to exchange: Exchange, at now: NIODeadline, _ context: ChannelHandlerContext) {
        exchange.isResponseComplete = true
        timeouts.responseIsWritten(at: now)
        if exchange.isLast { return end(context) }
        removeCompleteExchange()
        if let refusal { settle(with: refusal, context) }
    }

    private func removeCompleteExchange() {
        if exchanges.first?.isComplete == true { exchanges.removeFirst() }
    }

    /// Ends the connection once everything is sent: the server's side, so that the client may read on, or all of it.
    private func end(_ context: ChannelHandlerContext, mode: CloseMode = .output) {
        guard !isEnding else { return }
        isEnding = true
        timeouts.endInput()
        let sent = context.eventLoop.makePromise(of: Void.self)
        let context = context.loopBound
        // The channel itself waits no more for what is to be sent when the client has shut its side.
        sent.futureResult.whenComplete { _ in context.value.close(mode: mode, promise: nil) }
        context.value.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer()))), promise: sent)
    }

    /// The server behind shuts its output when it has no more to say, be it sent or not. The connection ends when this handler has seen to that.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output else { return context.close(mode: mode, promise: promise) }
        promise?.succeed()
    }
}

import Deadlines
import HTTPContract
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Hands each request of a connection to where it is answered: on the event loop, if that can be (docs/decisions/0052), else in the task of the
/// connection.
///
/// Requests are answered in their order: while the task answers some, those that follow go to it, too, and while a direct call is under way, the
/// connection stands still. A connection has no task's channel before its first request needs one, so that an idle one costs little.
final class CallSwitch: ChannelDuplexHandler {
    typealias TaskChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Parts of requests, and what is told between them.
    private enum Arrival {
        case part(HTTPServerRequestPart)
        case readComplete
        case error(any Error)
        case event(Any)
    }

    private let direct: (any DirectResponder)?
    private let exchanges: ExchangeHandler
    private let logger: Logger
    /// Fulfilled with the first request that goes to the task; with nil at the connection's end when none did.
    private let taskChannel: EventLoopPromise<TaskChannel?>
    private var hasTaskChannel = false
    private var context: ChannelHandlerContext?
    /// Made with the first call: the address of a connection does not change.
    private var callContext: CallContext?
    /// Requests that the task has and has not answered.
    private var passedOn = 0
    /// A request that may be direct, until its end is there.
    private var head: HTTPRequestHead?
    private var exchange: DirectExchange?
    private var isAnswering = false
    /// Arrivals that wait: a direct call is under way, or the client has not taken the answers that it got.
    private var held = CircularBuffer<Arrival>(initialCapacity: 0)
    private var isTakingHeld = false
    private var isClogged = false
    private var wantsRead = false
    private var due = NIODeadline.distantFuture
    private var hasTimer = false

    init(
        _ direct: (any DirectResponder)?, behind exchanges: ExchangeHandler, taskChannel: EventLoopPromise<TaskChannel?>, logger: Logger
    ) {
        self.direct = direct
        self.exchanges = exchanges
        self.taskChannel = taskChannel
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelInactive(context: ChannelHandlerContext) {
        context.fireChannelInactive()
        end()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func end() {
        // First: the abandoned call's answer then finds that the client has gone.
        context = nil
        held.removeAll()
        (isAnswering, isClogged) = (false, false)
        exchange.take()?.abandon()
        guard !hasTaskChannel else { return }
        hasTaskChannel = true
        taskChannel.succeed(nil)
    }

    // MARK: requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { arrive(.part(unwrapInboundIn(data)), context) }
    func channelReadComplete(context: ChannelHandlerContext) { arrive(.readComplete, context) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { arrive(.error(error), context) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { arrive(.event(event), context) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.fireChannelWritabilityChanged()
        guard isClogged, context.channel.isWritable else { return }
        isClogged = false
        takeHeld(context)
    }

    private func arrive(_ arrival: Arrival, _ context: ChannelHandlerContext) {
        // Also while those before are taken: their order is that of the wire.
        if isAnswering || isClogged || isTakingHeld { held.append(arrival) } else { take(arrival, context) }
    }

    /// One loop, however many are answered at once: an answer on the stack of its call must not take the next call there.
    private func takeHeld(_ context: ChannelHandlerContext) {
        guard !isTakingHeld else { return }
        isTakingHeld = true
        while !isAnswering, !isClogged, let arrival = held.popFirst() { take(arrival, context) }
        isTakingHeld = false
        guard !isAnswering, !isClogged, wantsRead else { return }
        wantsRead = false
        context.read()
    }

    private func take(_ arrival: Arrival, _ context: ChannelHandlerContext) {
        switch arrival {
        case .part(.head(let head)):
            // While the server drains, the last response of a connection is known when all that was sent at once is read. A task sees that.
            if passedOn == 0 && direct != nil && !exchanges.isDraining && head.mayBeDirect { self.head = head } else { passOn(head, context) }
        case .part(.body(let part)): context.fireChannelRead(wrapInboundOut(.body(part)))
        case .part(.end(let trailers)):
            if let head = head.take() {
                if answer(head, context) { return }
                passOn(head, context)
            }
            context.fireChannelRead(wrapInboundOut(.end(trailers.map { HTTPFields($0, splitCookie: false) })))
        case .readComplete: context.fireChannelReadComplete()
        case .error(let error):
            context.fireErrorCaught(error)
            // Else the task ends the connection. A refusal is sent by the handler before, and ends it, too.
            if !hasTaskChannel, !(error is HTTPParserError) { context.close(promise: nil) }
        case .event(let event): context.fireUserInboundEventTriggered(event)
        }
    }

    private func passOn(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        do {
            try addTaskChannel(context)
            context.fireChannelRead(wrapInboundOut(.head(try HTTPRequest(head))))
            passedOn += 1
        } catch {
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }

    private func addTaskChannel(_ context: ChannelHandlerContext) throws {
        guard !hasTaskChannel else { return }
        hasTaskChannel = true
        do {
            let configuration = TaskChannel.Configuration(isOutboundHalfClosureEnabled: true)
            taskChannel.succeed(try TaskChannel(wrappingChannelSynchronously: context.channel, configuration: configuration))
        } catch {
            taskChannel.fail(error)
            throw error
        }
    }

    /// Starts to answer; false when the task has to.
    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> Bool {
        guard let direct, let request = try? HTTPRequest(head) else { return false }
        let known = callContext ?? .direct(on: context.channel, logger: logger)
        callContext = known
        let call = DirectCall(
            Request(head: request, body: RequestBody(buffer: ByteBuffer())), known, on: context.eventLoop, until: Deadline(.now + direct.deadline))
        let (lane, isHead) = (NIOLoopBound(self, eventLoop: context.eventLoop), head.method == .HEAD)
        isAnswering = true
        guard let exchange = direct.respondDirectly(to: call, { answer in lane.value.send(answer, withoutBody: isHead) }) else {
            isAnswering = false
            return false
        }
        guard isAnswering else { return true }
        self.exchange = exchange
        due = context.eventLoop.now + TimeAmount(direct.deadline)
        setTimer(context)
        return true
    }

    /// One timer a connection, which looks when the call that it was set for would be due: a call that is answered in time sets none.
    private func setTimer(_ context: ChannelHandlerContext) {
        guard !hasTimer else { return }
        hasTimer = true
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [weak self] in
            guard let self, let context = self.context else { return }
            self.hasTimer = false
            guard let exchange = self.exchange else { return }
            if self.due <= context.eventLoop.now { exchange.expire() } else { self.setTimer(context) }
        }
    }

    // MARK: responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let response): context.write(wrapOutboundOut(.head(HTTPResponseHead(response))), promise: promise)
        case .body(let part): context.write(wrapOutboundOut(.body(.byteBuffer(part))), promise: promise)
        case .end(let trailers):
            if passedOn > 0 { passedOn -= 1 }
            context.write(wrapOutboundOut(.end(trailers.map { HTTPHeaders($0) })), promise: promise)
        }
    }

    func read(context: ChannelHandlerContext) {
        if isAnswering || isClogged { wantsRead = true } else { context.read() }
    }

    private func send(_ answer: ReadyAnswer, withoutBody: Bool) {
        isAnswering = false
        exchange = nil
        // The client has gone.
        guard let context else { return }
        exchanges.respond(answer, withoutBody: withoutBody)
        // No further call is looked at before the client has taken some of this.
        isClogged = !context.channel.isWritable
        takeHeld(context)
    }
}

extension HTTPRequest {
    /// The library takes each target apart as a URL, which costs as much as the rest of a request. One that begins with a slash is a path already.
    fileprivate init(_ head: HTTPRequestHead) throws {
        guard head.uri.utf8.first == UInt8(ascii: "/") else {
            try self.init(head, secure: false, splitCookie: false)
            return
        }
        self.init(
            method: try Method(head.method), scheme: "http", authority: head.headers.first(name: "Host"), path: head.uri,
            headerFields: HTTPFields(head.headers, splitCookie: false))
    }
}

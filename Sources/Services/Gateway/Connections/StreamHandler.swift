import FoundationEssentials
import HTTPContract
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Holds one stream of an HTTP/2 connection to what HTTP/1.1 asks of a request, and its client to ``ConnectionTimeouts``.
final class StreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let watch: StreamWatch
    private let limits: ConnectionLimits
    private let logger: Logger
    private let timeouts: ConnectionTimeouts
    private var context: ChannelHandlerContext?
    /// A head that announces no length, until it is known whether a body follows.
    private var unforwarded: HTTPRequest?
    private var writtenBytes = 0
    private var sentBytes = 0
    private var isAnswering = false
    private var isRefused = false
    private var awaitsContinue = false

    init(_ watch: StreamWatch, _ limits: ConnectionLimits, logger: Logger) {
        self.watch = watch
        self.limits = limits
        self.logger = logger
        timeouts = ConnectionTimeouts(limits, at: .now())
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watch.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave(context) }

    func channelInactive(context: ChannelHandlerContext) {
        leave(context)
        context.fireChannelInactive()
    }

    private func leave(_ context: ChannelHandlerContext) {
        guard self.context != nil else { return }
        self.context = nil
        watch.closed(self, at: context.eventLoop.now)
    }

    // MARK: the request

    func read(context: ChannelHandlerContext) {
        timeouts.wait(from: context.eventLoop.now)
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            timeouts.headIsRead()
            if let problem = RequestHeadRules(maximumTargetBytes: limits.targetBytes).violation(of: head, limits) {
                return refuse(problem, head, context)
            }
            awaitsContinue = head.headerFields[.expect].map { WireText($0).isWord("100-continue") } ?? false
            unforwarded = head.withoutHostField
            if head.headerFields[.contentLength] != nil || awaitsContinue { forwardHead(hasBody: false, context) }
        case .body(let part):
            forwardHead(hasBody: true, context)
            timeouts.receive(part.readableBytesView, at: context.eventLoop.now)
            context.fireChannelRead(data)
        case .end:
            forwardHead(hasBody: false, context)
            timeouts.requestIsRead()
            context.fireChannelRead(data)
        }
    }

    /// A body of no announced length says so as in HTTP/1.1, where services know it from (RFC 9112 §6.1).
    private func forwardHead(hasBody: Bool, _ context: ChannelHandlerContext) {
        guard var head = unforwarded.take() else { return }
        if hasBody { head.headerFields[.transferEncoding] = "chunked" }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    // MARK: limits

    /// Looks whether a limit of time is broken.
    func check(at now: NIODeadline) {
        guard let context else { return }
        timeouts.sent(sentBytes, of: writtenBytes, at: now)
        switch timeouts.violation(at: now) {
        case .slowBody where !isAnswering && !isRefused: refuse(.requestTimeout(), nil, context)
        case .slowBody, .endlessBody, .stalledResponse: context.close(promise: nil)
        // A stream begins with a whole head, and ends with its response.
        case nil, .idle, .slowHead, .endlessTarget, .largeHead: break
        }
    }

    /// Answers in the place of the server behind, and ends the stream.
    private func refuse(_ problem: Problem, _ head: HTTPRequest?, _ context: ChannelHandlerContext) {
        isRefused = true
        timeouts.endInput()
        let refusal = Refusal(problem, requestID: head?.headerFields[.requestID], traceparent: head?.headerFields[.traceparent])
        logger.debug("request refused", metadata: ["requestId": "\(RequestIdentity.logged(refusal.requestID))", "status": "\(problem.status.code)"])
        let (response, body) = refusal.streamResponse(date: .now)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let sent = context.eventLoop.makePromise(of: Void.self)
        let bound = context.loopBound
        sent.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: sent)
        // Ends the reading of a body that is not all there.
        context.fireErrorCaught(HTTPParserError.invalidEOFState)
    }

    // MARK: the response

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is BodyIsAwaited else { return context.triggerUserOutboundEvent(event, promise: promise) }
        if awaitsContinue, !isAnswering, !isRefused {
            context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
        }
        awaitsContinue = false
        promise?.succeed()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head:
            isAnswering = true
            context.write(data, promise: promise)
        case .body(let part):
            // A part that the client's window has no room for waits, and its promise with it.
            let count = part.readableBytes
            writtenBytes += count
            let sent = promise ?? context.eventLoop.makePromise(of: Void.self)
            let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
            sent.futureResult.whenSuccess { bound.value.sentBytes += count }
            context.write(data, promise: sent)
        case .end:
            timeouts.responseIsWritten(at: context.eventLoop.now)
            context.write(data, promise: promise)
        }
    }
}

extension RequestHeadRules {
    /// The same of a request of HTTP/2, whose codec has seen to the message itself (RFC 9113 §8.3).
    func violation(of head: HTTPRequest, _ limits: ConnectionLimits) -> Problem? {
        let path = head.path ?? ""
        if path.utf8.count > maximumTargetBytes { return .targetTooLong(limit: maximumTargetBytes) }
        guard path.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            return .malformed("The request target holds other characters than a URI may have.")
        }
        if head.method == .connect { return .notImplemented("This server opens no tunnels.") }
        guard let host = head.authority, Self.isHost(host.utf8) else { return .malformed("The authority names no host.") }
        // RFC 9113 §8.3.1.
        let same = head.normalized(host)
        guard head.headerFields.allSatisfy({ !$0.isHost || head.normalized($0.value) == same }) else {
            return .malformed("The host field names another host than the authority.")
        }
        let bytes = head.headerFields.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count }
        guard bytes <= limits.headBytes, head.headerFields.count <= limits.headerFields else {
            return .headTooLarge(bytes: limits.headBytes, fields: limits.headerFields)
        }
        return nil
    }
}

extension HTTPRequest {
    /// The same without a `host` beside `:authority`: services are sent one of their own.
    fileprivate var withoutHostField: HTTPRequest {
        guard headerFields.contains(where: \.isHost) else { return self }
        var request = self
        request.headerFields = HTTPFields(headerFields.filter { !$0.isHost })
        return request
    }

    /// A host for comparison: in lowercase and without the port that its scheme stands for (RFC 3986 §6.2).
    fileprivate func normalized(_ host: String) -> Substring {
        let host = host.lowercased()
        let port = scheme == "http" ? ":80" : ":443"
        return host.hasSuffix(port) ? host.dropLast(port.count) : host[...]
    }
}

extension HTTPField {
    fileprivate var isHost: Bool { name.canonicalName == "host" }
}

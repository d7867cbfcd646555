import NIOCore

/// Holds a client to ``ConnectionTimeouts``. Stands before the decoder, where bytes are seen that make no whole request yet.
///
/// A violation that the client can be told of goes on as an event, for ``ExchangeHandler`` to answer; any other one closes the connection.
/// Each connection has one timer, which looks every few seconds; a request and its response set none.
final class TimeoutHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let timeouts: ConnectionTimeouts
    private let linger: TimeAmount
    private var writtenBytes = 0
    private var hasTimer = false
    private var isClosed = false
    private var isLingering = false

    init(_ timeouts: ConnectionTimeouts, linger: Duration) {
        self.timeouts = timeouts
        self.linger = TimeAmount(linger)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard timeouts.isReading else { return }
        timeouts.receive(unwrapInboundIn(data).readableBytesView, at: context.eventLoop.now)
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        timeouts.wait(from: context.eventLoop.now)
        check(context)
        if !isClosed { context.read() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        writtenBytes += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        noteProgress(context)
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .outputClosed? = event as? ChannelEvent { closeSoon(context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// TLS shuts its output without such an event.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output { closeSoon(context) }
        context.close(mode: mode, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        context.fireChannelInactive()
    }

    private func check(_ context: ChannelHandlerContext) {
        guard !isClosed else { return }
        if let violation = timeouts.violation(at: context.eventLoop.now) { handle(violation, context) }
        guard !isClosed, !hasTimer else { return }
        hasTimer = true
        // Weak: a connection that ends leaves nothing behind but the timer, whose end is near.
        context.eventLoop.assumeIsolated().scheduleTask(deadline: timeouts.due(at: context.eventLoop.now)) { [weak self, weak context] in
            guard let self, let context else { return }
            self.hasTimer = false
            self.noteProgress(context)
            self.check(context)
        }
    }

    private func noteProgress(_ context: ChannelHandlerContext) {
        guard !isClosed, let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes) else { return }
        timeouts.sent(writtenBytes - waiting, of: writtenBytes, at: context.eventLoop.now)
    }

    private func handle(_ violation: ConnectionTimeouts.Violation, _ context: ChannelHandlerContext) {
        switch violation {
        case .slowHead, .endlessTarget, .largeHead, .slowBody:
            timeouts.endInput()
            context.fireUserInboundEventTriggered(violation)
        case .idle, .endlessBody, .stalledResponse:
            isClosed = true
            context.close(promise: nil)
        }
    }

    /// All is sent and the server's side is shut. The client may read the last of it before the connection ends for good.
    private func closeSoon(_ context: ChannelHandlerContext) {
        timeouts.endInput()
        guard !isLingering else { return }
        isLingering = true
        context.eventLoop.assumeIsolated().scheduleTask(in: linger) { [weak self, weak context] in
            guard let self, let context, !self.isClosed else { return }
            self.isClosed = true
            context.close(promise: nil)
        }
    }
}

import NIOCore
import NIOHTTP2

/// The open streams of a connection, as far as its limits of time are concerned. On the connection's event loop only.
final class StreamWatch: NIOHTTP2FrameDelegate {
    private let limits: ConnectionLimits
    private var streams: [ObjectIdentifier: StreamHandler] = [:]
    private var idleSince: NIODeadline
    /// Whether the client was told that the connection ends for an error.
    private(set) var hasGivenUp = false

    init(_ limits: ConnectionLimits, at now: NIODeadline) {
        self.limits = limits
        idleSince = now
    }

    func opened(_ stream: StreamHandler) { streams[ObjectIdentifier(stream)] = stream }

    func closed(_ stream: StreamHandler, at now: NIODeadline) {
        streams[ObjectIdentifier(stream)] = nil
        if streams.isEmpty { idleSince = now }
    }

    func isIdle(at now: NIODeadline) -> Bool { streams.isEmpty && now >= idleSince + TimeAmount(limits.idle) }

    func wroteFrame(_ frame: HTTP2Frame) {
        if case .goAway(_, let reason, _) = frame.payload, reason != .noError { hasGivenUp = true }
    }

    func check(at now: NIODeadline) { for stream in Array(streams.values) { stream.check(at: now) } }
}

/// Holds a connection and its streams to their limits of time, with one timer. Stands before the frames are read.
///
/// A connection that owes the rest of a header block or a frame is closed; one without streams is told to go (GOAWAY), and so is each when a drain
/// begins.
final class HTTP2TimeoutHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let watch: StreamWatch
    private let limits: ConnectionLimits
    private let step: TimeAmount
    private var frames = FrameWatch()
    private var owingSince: NIODeadline?
    private var isLeaving = false
    private var isClosed = false

    init(_ watch: StreamWatch, _ limits: ConnectionLimits) {
        self.watch = watch
        self.limits = limits
        step = TimeAmount(max(.milliseconds(5), min(.seconds(1), min(limits.headers, limits.bodyGrace, limits.send, limits.idle) / 4)))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        owingSince = context.eventLoop.now
        tick(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let wasEven = frames.take(unwrapInboundIn(data).readableBytesView)
        // The time of what is owed runs from its first byte on, however many more come.
        if wasEven { owingSince = frames.owesMore ? context.eventLoop.now : nil }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { isClosed = true }

    private func tick(_ context: ChannelHandlerContext) {
        context.eventLoop.assumeIsolated().scheduleTask(in: step) { [weak self, weak context] in
            guard let self, let context, !self.isClosed else { return }
            self.check(context)
            self.tick(context)
        }
    }

    private func check(_ context: ChannelHandlerContext) {
        let now = context.eventLoop.now
        if let owingSince, now >= owingSince + TimeAmount(limits.headers) { return context.close(promise: nil) }
        watch.check(at: now)
        guard !isLeaving, watch.isIdle(at: now) || limits.drain?.hasBegun == true else { return }
        isLeaving = true
        context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
    }
}

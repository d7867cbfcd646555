import Glibc
package import Logging
package import NIOCore

/// Leaves new connections to the kernel's backlog while there is no room for them, and goes on by itself: at the most connections that are let in,
/// and when the process or the machine has no descriptor left. A failed `accept` leaves the listening socket readable, so without a pause it would be
/// tried again at once, for ever.
package final class AcceptBackoff: ChannelDuplexHandler {
    package typealias InboundIn = any Channel
    package typealias OutboundIn = Never

    /// How long a failed `accept` is not tried again.
    private static let pause = TimeAmount.milliseconds(100)
    /// Connections may come and go at the limit; it is told once in so long.
    private static let silence = TimeAmount.minutes(1)

    private let maximum: Int
    private let logger: Logger
    private var connections = 0
    private var awaitsRoom = false
    private var isStopped = false
    private weak var listener: (any Channel)?
    private var isPaused = false
    private var failures = 0
    private var warnedAt: NIODeadline?

    init(maximum: Int, logger: Logger) {
        self.maximum = maximum
        self.logger = logger
    }

    /// Guards a listening channel.
    package static func guardListener(_ channel: any Channel, _ limits: ConnectionLimits, logger: Logger) async {
        limits.drain?.add(channel)
        // Also where a setting says more: a process without a descriptor left is ended by the libraries that need one.
        let maximum = min(limits.connections ?? .max, DescriptorLimit.raised().connections)
        do {
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(AcceptBackoff(maximum: maximum, logger: logger), position: .first)
            }.get()
        } catch {
            // The server stops already.
            logger.debug("the listener is closed", metadata: ["error": "\(error)"])
        }
    }

    package func handlerAdded(context: ChannelHandlerContext) { listener = context.channel }

    /// Takes no more connections, whatever makes room for one. On the listener's event loop.
    func stop() {
        isStopped = true
        setAutoRead(false)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections += 1
        let handler = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        unwrapInboundIn(data).closeFuture.hop(to: context.eventLoop).whenComplete { _ in
            let (handler, context) = handler.value
            handler.connectionIsClosed(context)
        }
        context.fireChannelRead(data)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if !isPaused, failures > 0 {
            logger.info("connections are accepted again", metadata: ["failures": "\(failures)"])
            failures = 0
        }
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        guard !isStopped else { return }
        guard connections < maximum else {
            awaitsRoom = true
            return warn("the connection limit is reached: new connections wait", ["connections": "\(connections)"], at: context.eventLoop.now)
        }
        context.read()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        failures += 1
        warn(
            "accept failed: new connections wait",
            ["connections": "\(connections)", "error": "\(String(cString: strerror(error.errnoCode)))"],
            at: context.eventLoop.now)
        guard !isPaused, !isStopped else { return }
        isPaused = true
        setAutoRead(false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPaused = false
            if !self.isStopped { self.setAutoRead(true) }
        }
    }

    private func connectionIsClosed(_ context: ChannelHandlerContext) {
        connections -= 1
        guard awaitsRoom, !isStopped, connections < maximum else { return }
        awaitsRoom = false
        context.read()
    }

    /// Only this takes the listening socket out of what the event loop waits for; to ask for no read is not enough after a failure.
    private func setAutoRead(_ isOn: Bool) {
        do {
            try listener?.syncOptions?.setOption(.autoRead, value: isOn)
        } catch {
            // The listener is closed.
            logger.debug("the listener takes no option", metadata: ["error": "\(error)"])
        }
    }

    private func warn(_ message: Logger.Message, _ metadata: Logger.Metadata, at now: NIODeadline) {
        guard warnedAt.map({ now >= $0 + Self.silence }) ?? true else { return }
        warnedAt = now
        logger.warning(message, metadata: metadata)
    }
}

import HTTPContract
import Hummingbird
import NIOCore
import NIOHTTP1
import Synchronization

/// The connections of one event loop, for callers on any thread.
struct InstanceConnections: Sendable {
    private let loop: any EventLoop
    private let connections: NIOLoopBoundBox<LoopConnections>

    /// - Parameter kept: how many unused connections to one instance are kept.
    init(on loop: any EventLoop, _ settings: UpstreamSettings, kept: Int) {
        self.loop = loop
        connections = .makeBoxSendingValue(LoopConnections(on: loop, settings, kept: kept), eventLoop: loop)
    }

    /// Closes the connections. Calls on their way fail.
    func shutDown() async throws { try await loop.submit { connections.value.shutDown() }.get() }

    /// Sends a request and returns its answer. A body of no bytes is none.
    func send(_ head: HTTPRequestHead, _ body: ByteBuffer, to instance: Instance, in time: Duration) async throws -> InstanceAnswer {
        let head = head.withLength(body.readableBytes)
        let (ticket, deadline) = (AttemptTicket(), NIODeadline.now() + TimeAmount(time))
        var answer = try await withCancellation(of: ticket) {
            try await withCheckedThrowingContinuation { continuation in
                onLoop { connections in
                    let exchange = InstanceExchange(ticket, to: instance, head, body: body, by: deadline, now: .now())
                    exchange.onAnswer(continuation)
                    connections.start(exchange)
                }
            }
        }
        answer.giveUp = { onLoop { $0.giveUp(ticket) } }
        return answer
    }

    /// Sends a request with a body of so many bytes as it comes, and returns its answer.
    ///
    /// The body is read to its end even when the request fails: it is in the way of the client's next one. When there was no connection, nothing of
    /// it is read.
    func send(
        _ head: HTTPRequestHead, _ body: RequestBody, _ length: Int, to instance: Instance, in time: Duration
    ) async throws -> InstanceAnswer {
        let head = head.withLength(length)
        let (ticket, deadline) = (AttemptTicket(), NIODeadline.now() + TimeAmount(time))
        return try await withCancellation(of: ticket) {
            let (channel, exchange) = try await begin(head, ticket, to: instance, by: deadline)
            async let answer = answer(to: exchange)
            do {
                try await write(body, to: channel, until: ticket)
            } catch {
                // The caller's own body broke off: there will be no request to answer.
                onLoop { $0.giveUp(ticket) }
                throw error
            }
            return try await answer
        }
    }

    private func write(_ body: RequestBody, to channel: any Channel, until ticket: AttemptTicket) async throws {
        var isWritable = true
        for try await part in body where isWritable && !ticket.isSettled.load(ordering: .acquiring) {
            do {
                try await channel.writeAndFlush(HTTPClientRequestPart.body(.byteBuffer(part)))
            } catch {
                // The exchange knows why, and says it in place of the answer.
                isWritable = false
            }
        }
        if isWritable, !ticket.isSettled.load(ordering: .acquiring) { channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil) }
    }

    private func begin(
        _ head: HTTPRequestHead, _ ticket: AttemptTicket, to instance: Instance, by deadline: NIODeadline
    ) async throws -> (any Channel, NIOLoopBoundBox<InstanceExchange>) {
        let exchange = NIOLoopBoundBox.makeBoxSendingValue(
            InstanceExchange(ticket, to: instance, head, body: nil, by: deadline, now: .now()), eventLoop: loop)
        let channel = try await withCheckedThrowingContinuation { continuation in
            onLoop { connections in
                exchange.value.onBegin(continuation)
                connections.start(exchange.value)
            }
        }
        return (channel, exchange)
    }

    private func answer(to exchange: NIOLoopBoundBox<InstanceExchange>) async throws -> InstanceAnswer {
        try await withCheckedThrowingContinuation { continuation in onLoop { _ in exchange.value.onAnswer(continuation) } }
    }

    private func withCancellation<Value: Sendable>(of ticket: AttemptTicket, _ body: () async throws -> Value) async throws -> Value {
        try await withTaskCancellationHandler(operation: body) {
            ticket.isGivenUp.store(true, ordering: .releasing)
            onLoop { $0.giveUp(ticket) }
        }
    }

    /// Runs the work on the loop, at once when this is its thread.
    private func onLoop(_ work: @escaping @Sendable (LoopConnections) -> Void) {
        if loop.inEventLoop { work(connections.value) } else { loop.execute { work(connections.value) } }
    }
}

extension HTTPRequestHead {
    /// The same with the length of its body, which nothing says when it may have one and has none (RFC 9110 §8.6).
    fileprivate func withLength(_ length: Int) -> HTTPRequestHead {
        guard length > 0 || [.POST, .PUT, .PATCH].contains(method) else { return self }
        var head = self
        head.headers.add(name: "Content-Length", value: String(length))
        return head
    }
}

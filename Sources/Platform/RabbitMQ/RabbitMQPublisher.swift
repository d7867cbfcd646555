package import Logging
import NIOPosix
import Synchronization

/// Publishes to one exchange of RabbitMQ with confirmations, on one connection, which is made when it is needed. librabbitmq's calls block, so they
/// run on one thread of its own.
package final class RabbitMQPublisher: Sendable {
    private static let heartbeatInterval = Duration.seconds(10)

    private let target: RabbitMQTarget
    private let exchange: String
    private let window: Int
    private let patience: Duration
    private let logger: Logger
    private let threads = NIOThreadPool(numberOfThreads: 1)
    /// Only the thread takes it.
    private let connection = Mutex<RabbitMQConnection?>(nil)
    private let socket = InterruptibleSocket()

    /// - Parameters:
    ///   - exchange: its name. It is declared, durable and of the type `topic`, unless it is there.
    ///   - window: how many messages may be sent ahead of their confirmations.
    ///   - patience: how long the broker may take to connect and to confirm.
    package init(_ target: RabbitMQTarget, exchange: String, window: Int = 256, patience: Duration = .seconds(20), logger: Logger) {
        self.target = target
        self.exchange = exchange
        self.window = window
        self.patience = patience
        self.logger = logger
        threads.start()
    }

    deinit {
        // Nobody waits any more, since a waiting caller keeps this object alive. The error is always nil for a pool that is not the perpetual one.
        threads.shutdownGracefully { _ in }
    }

    /// Publishes messages in their order, and returns when the broker has confirmed all of them. Throws `RabbitMQError` otherwise: some of them may
    /// have arrived then.
    package func publish(_ messages: [RabbitMQMessage]) async throws {
        try await onThread { call in try self.publish(messages, for: call) }
    }

    /// Keeps the connection alive while nothing is published, until cancelled.
    package func run() async throws {
        while true {
            try await Task.sleep(for: Self.heartbeatInterval)
            try await onThread { _ in self.keepAlive() }
        }
    }

    private func publish(_ messages: [RabbitMQMessage], for call: AwaitedCall) throws(RabbitMQError) {
        try connection.withLock { connection throws(RabbitMQError) in
            do throws(RabbitMQError) {
                if socket.isInterrupted { connection = nil }
                let current =
                    if let connection { connection } else {
                        try RabbitMQConnection(
                            to: target, exchange: exchange, socket: socket, patience: patience, isAwaited: { !call.isSettled })
                    }
                connection = current
                try current.publish(messages, window: window)
            } catch {
                connection = nil
                throw error
            }
        }
    }

    private func keepAlive() {
        connection.withLock { connection in
            do throws(RabbitMQError) {
                try connection?.keepAlive()
            } catch {
                logger.info("a connection to RabbitMQ has ended", metadata: ["reason": "\(error)"])
                connection = nil
            }
        }
    }

    /// Runs blocking work on the thread. A caller that is cancelled is answered at once, and the connection that the work may wait for is ended.
    private func onThread(_ work: @escaping @Sendable (AwaitedCall) throws -> Void) async throws {
        let call = AwaitedCall()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard call.begin(continuation) else { return }
                threads.submit { state in
                    guard case .active = state else { return call.settle(.failure(CancellationError())) }
                    if !call.isSettled { call.settle(Result { try work(call) }) }
                }
            }
        } onCancel: {
            call.cancel { socket.interrupt() }
        }
    }
}

/// Work on the thread, until its caller has an answer.
private final class AwaitedCall: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Void, any Error>)
        case settled
    }

    private let state = Mutex(State.new)

    var isSettled: Bool { state.withLock { if case .settled = $0 { true } else { false } } }

    /// False when it was cancelled before; the caller is answered then.
    func begin(_ continuation: CheckedContinuation<Void, any Error>) -> Bool {
        let isNew = state.withLock { state in
            guard case .new = state else { return false }
            state = .waiting(continuation)
            return true
        }
        if !isNew { continuation.resume(throwing: CancellationError()) }
        return isNew
    }

    /// Answers the caller, unless that was done.
    func settle(_ result: Result<Void, any Error>) { take()?.resume(with: result) }

    /// The same for a caller that is cancelled. The work is interrupted first: after its answer the caller may begin other work.
    func cancel(interrupting interrupt: () -> Void) {
        guard let continuation = take() else { return }
        interrupt()
        continuation.resume(throwing: CancellationError())
    }

    private func take() -> CheckedContinuation<Void, any Error>? {
        state.withLock { state in
            defer { state = .settled }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
    }
}

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
    private let resolve: AddressLookUp
    private let logger: Logger
    private let threads = NIOThreadPool(numberOfThreads: 1)
    /// Only the thread takes it.
    private let connection = Mutex<RabbitMQConnection?>(nil)
    /// Whether there is one, for others to see.
    private let hasConnection = Mutex(false)
    private let socket = InterruptibleSocket()

    /// - Parameters:
    ///   - exchange: its name. It is declared, durable and of the type `topic`, unless it is there.
    ///   - window: how many messages may be sent ahead of their confirmations.
    ///   - patience: how long the broker may take to connect and to confirm.
    ///   - resolve: looks the broker's name up.
    package init(
        _ target: RabbitMQTarget, exchange: String, window: Int = 256, patience: Duration = .seconds(20),
        resolve: @escaping AddressLookUp = SocketAddress.all, logger: Logger
    ) {
        self.target = target
        self.exchange = exchange
        self.window = window
        self.patience = patience
        self.resolve = resolve
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
        let addresses = isConnected ? [] : try await lookUp()
        try await threads.run(interruptedBy: socket.interrupt) { call in try self.publish(messages, at: addresses, for: call) }
    }

    /// Keeps the connection alive while nothing is published, until cancelled.
    package func run() async throws {
        while true {
            try await Task.sleep(for: Self.heartbeatInterval)
            try await threads.run(interruptedBy: socket.interrupt) { _ in self.keepAlive() }
        }
    }

    private var isConnected: Bool { hasConnection.withLock { $0 } && !socket.isInterrupted }

    /// On another thread, since it can't be interrupted: this publisher's own is free for what comes after a caller that was cancelled.
    private func lookUp() async throws -> [SocketAddress] {
        let (target, resolve) = (target, resolve)
        return try await NIOThreadPool.singleton.run { _ in
            do throws(RabbitMQError) {
                return try resolve(target.host, target.port)
            } catch {
                throw RabbitMQError.noConnection(to: target, error)
            }
        }
    }

    private func publish(_ messages: [RabbitMQMessage], at addresses: [SocketAddress], for call: AwaitedCall<Void>) throws(RabbitMQError) {
        try connection.withLock { connection throws(RabbitMQError) in
            defer { noteConnection(connection) }
            do throws(RabbitMQError) {
                if socket.isInterrupted { connection = nil }
                // Lost since it was asked for: the next try looks the name up.
                if connection == nil, addresses.isEmpty { throw .unavailable("the connection to RabbitMQ is lost") }
                let current =
                    if let connection { connection } else {
                        try RabbitMQConnection(
                            to: target, at: addresses, exchange: exchange, socket: socket, patience: patience, isAwaited: { !call.isSettled })
                    }
                connection = current
                try current.publish(messages, window: window)
            } catch {
                connection = nil
                throw error
            }
        }
    }

    private func noteConnection(_ connection: RabbitMQConnection?) { hasConnection.withLock { $0 = connection != nil } }

    private func keepAlive() {
        connection.withLock { connection in
            defer { noteConnection(connection) }
            do throws(RabbitMQError) {
                try connection?.keepAlive()
            } catch {
                logger.info("a connection to RabbitMQ has ended", metadata: ["reason": "\(error)"])
                connection = nil
            }
        }
    }
}

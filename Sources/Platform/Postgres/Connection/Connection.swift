import CLibpq
import Synchronization

/// Is told of events on a connection, on the reactor's thread with no lock held.
protocol ConnectionOwner: AnyObject, Sendable {
    /// `count` more groups have been answered.
    func connection(_ connection: Connection, answered count: Int)
    /// The server said that it can't write, or was lost with statements under way.
    func connection(_ connection: Connection, failedToWrite error: PostgresError)
    /// The connection is gone; everybody waiting on it has been answered.
    func connectionClosed(_ connection: Connection, _ error: PostgresError)
    /// A notification came for a channel the connection listens to.
    func connection(_ connection: Connection, notified channel: String, payload: String)
}

extension ConnectionOwner {
    func connection(_ connection: Connection, answered count: Int) {}
    func connection(_ connection: Connection, failedToWrite error: PostgresError) {}
    func connection(_ connection: Connection, notified channel: String, payload: String) {}
}

/// One connection in pipeline mode.
///
/// Callers send on their own thread under the lock; the reactor's thread takes results off under the same lock and resumes the callers after
/// letting go of it.
final class Connection: Sendable {
    /// Names the connection within its owner.
    let id: Int
    let owner: any ConnectionOwner
    private let wire: Mutex<Wire>
    private let lastToken = Atomic<UInt64>(0)
    /// The server that it leads to.
    let place: ConnectionTarget.Place
    private let canceller: Canceller

    /// Takes over a connected handle and starts to watch its socket.
    static func open(_ handle: PGHandle, id: Int, mode: PreparationMode, owner: any ConnectionOwner) throws(PostgresError) -> Connection {
        let connection = Connection(handle, id, mode, owner)
        do throws(SystemError) {
            try connection.withWire { wire throws(SystemError) in try wire.watch(connection) }
        } catch {
            connection.close(PostgresError(.connection, error.description))
            throw PostgresError(.connection, error.description)
        }
        return connection
    }

    private init(_ handle: PGHandle, _ id: Int, _ mode: PreparationMode, _ owner: any ConnectionOwner) {
        self.id = id
        self.owner = owner
        place = handle.place
        canceller = Canceller(handle)
        wire = Mutex(Wire(handle, mode))
    }

    func withWire<R, E: Error>(_ body: (inout Wire) throws(E) -> sending R) throws(E) -> sending R {
        // After the lock: the caller who found the connection lost resumes the others here.
        defer { if wire.withLock({ $0.isLost }) { socketIsReady(readable: true, writable: false) } }
        return try wire.withLock { wire throws(E) in try body(&wire) }
    }

    /// A fresh name for a request, to abandon it by.
    func nextToken() -> UInt64 { lastToken.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Ends the connection: the server is told, everyone waiting gets `error`. Does nothing when it is closed already.
    func close(_ error: PostgresError) {
        let deliveries = withWire { $0.close(error) }
        guard let deliveries else { return }
        owner.connectionClosed(self, error)
        for delivery in deliveries { delivery.deliver() }
    }

    /// Asks the server, over another socket, to stop this connection's statement.
    func requestCancel() { canceller.cancel() }

    /// When the oldest request not yet answered was sent; nil when nothing is under way.
    var waitingSince: ContinuousClock.Instant? { withWire { $0.waitingSince } }
}

extension Connection: SocketHandler {
    func socketIsReady(readable: Bool, writable: Bool) {
        // Not by `withWire`: a connection found lost here ends here.
        var step = wire.withLock { $0.process(readable: readable, writable: writable) }
        // The owner first: a caller with its answer finds the pool's state up to date.
        if step.answered > 0 { owner.connection(self, answered: step.answered) }
        if let error = step.writeFailure { owner.connection(self, failedToWrite: error) }
        if let error = step.closed.take() { owner.connectionClosed(self, error) }
        for delivery in step.deliveries { delivery.deliver() }
        for notification in step.notifications { owner.connection(self, notified: notification.channel, payload: notification.payload) }
    }
}

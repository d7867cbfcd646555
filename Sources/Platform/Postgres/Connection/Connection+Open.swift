import Synchronization

extension Connection {
    /// Connects and makes the target's settings. Throws `.connection` when that takes longer than the limit.
    static func open(_ target: ConnectionTarget, _ limits: PoolLimits, id: Int, owner: any ConnectionOwner) async throws(PostgresError) -> Connection
    {
        let setup = try target.setupQueries(statementTimeout: limits.statementTimeout)
        let deadline = ContinuousClock.now + limits.connectTimeout
        let handle = try await Connector(target: target, timeout: limits.connectTimeout).connect()
        let connection = try open(handle, id: id, mode: target.pooling == .transaction ? .unnamed : limits.prepare, owner: owner)
        if setup.isEmpty { return connection }
        let watchdog = SetupWatchdog(connection)
        Reactor.shared.schedule(at: deadline) { [weak watchdog] in watchdog?.bite() }
        do throws(PostgresError) {
            _ = try await connection.group(setup)
            watchdog.retire()
        } catch {
            connection.close(error)
            throw error
        }
        return connection
    }
}

/// Ends a connection whose server accepts it and then says nothing.
private final class SetupWatchdog: Sendable {
    private let connection: Mutex<Connection?>

    init(_ connection: Connection) { self.connection = Mutex(connection) }

    func retire() { connection.withLock { $0 = nil } }

    func bite() {
        connection.withLock { $0.take() }?.close(.notOpened("the server did not take the session's settings in time"))
    }
}

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
        do throws(PostgresError) {
            try await connection.answer(setup, before: deadline)
        } catch {
            connection.close(error)
            throw error
        }
        return connection
    }

    /// Runs queries. A server that does not answer them in time loses the connection.
    func answer(_ queries: [Query], before deadline: ContinuousClock.Instant) async throws(PostgresError) {
        let watchdog = Watchdog(self)
        Reactor.shared.schedule(at: deadline) { [weak watchdog] in watchdog?.bite() }
        defer { watchdog.retire() }
        _ = try await group(queries)
    }
}

/// Ends a connection whose server accepts it and then says nothing.
private final class Watchdog: Sendable {
    private let connection: Mutex<Connection?>

    init(_ connection: Connection) { self.connection = Mutex(connection) }

    func retire() { connection.withLock { $0 = nil } }

    func bite() { connection.withLock { $0.take() }?.close(PostgresError(.connection, "the server didn't answer in time")) }
}

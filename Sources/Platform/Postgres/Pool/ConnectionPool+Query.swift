import Synchronization

/// The shared lane.
extension ConnectionPool {
    /// One autocommit statement on a shared connection, with a sync of its own: it fails alone.
    ///
    /// Throws `.cancelled` at once when the task is cancelled; the statement may run all the same.
    @discardableResult
    package func query(_ statement: Statement, _ values: [SQLValue] = []) async throws(PostgresError) -> QueryResult {
        let start = ContinuousClock.now
        defer { OperationDurations.shared.record(statement, since: start) }
        return try await onSharedConnection { connection throws(PostgresError) in try await connection.query(statement, values) }
    }

    /// One statement that only reads, on a shared connection. It may leave together with reads of other callers, which spares a busy connection
    /// most of its sends and wake-ups; it fails alone.
    ///
    /// Throws as `query(_:_:)` does. A read behind one that failed may run twice.
    package func read(_ statement: Statement, _ values: [SQLValue] = []) async throws(PostgresError) -> QueryResult {
        let start = ContinuousClock.now
        defer { OperationDurations.shared.record(statement, since: start) }
        return try await onSharedConnection { connection throws(PostgresError) in try await connection.read(statement, values) }
    }

    /// Several statements as one implicit transaction in one round trip. When one fails all are rolled back, and the error's `failedQuery` says
    /// which.
    @discardableResult
    package func atomically(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        if queries.isEmpty { return [] }
        return try await onSharedConnection { connection throws(PostgresError) in try await connection.group(queries) }
    }

    private func onSharedConnection<T>(_ request: (Connection) async throws(PostgresError) -> T) async throws(PostgresError) -> T {
        var hasPreparedAnew = false
        while true {
            let lease = try await lease(.shared)
            do throws(PostgresError) {
                return try await request(lease.connection)
            } catch {
                if error.isUnsent, error.kind == .connection {
                    // Nothing left this process, so another connection may have it. Each turn loses one connection, so this ends.
                    core.withLock { $0.state.lost(lease.id) }
                    continue
                }
                // Never came to the server, so no answer will give the place back.
                if error.isUnsent || error.kind == .configuration { returnPlace(lease) }
                // The whole request was rolled back and the statement is prepared anew on its next use.
                if error.needsPreparing, !hasPreparedAnew {
                    hasPreparedAnew = true
                    continue
                }
                throw error
            }
        }
    }

    private func returnPlace(_ lease: Lease) {
        perform(core.withLock { $0.state.releaseShared(lease.id, count: 1) { .now } })
    }
}

package import Deadlines
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

    /// The same for a caller that waits in no task: its answer is a call in its queue. It can't be cancelled.
    /// - Parameter deadline: what has not left by then leaves no more.
    package func read(
        _ statement: Statement, _ values: [SQLValue] = [], in queue: ReplyQueue, until deadline: Deadline? = nil,
        _ answer: @escaping @Sendable (Result<QueryResult, PostgresError>) -> Void
    ) {
        let start = ContinuousClock.now
        ask(Query(statement, values), in: queue, until: deadline) { result in
            OperationDurations.shared.record(statement, since: start)
            answer(result)
        }
    }

    private func ask(
        _ query: Query, in queue: ReplyQueue, until deadline: Deadline?, hasPreparedAnew: Bool = false,
        _ answer: @escaping @Sendable (Result<QueryResult, PostgresError>) -> Void
    ) {
        lease(.shared, in: queue, until: deadline) { lease in
            switch lease {
            case .failure(let error): queue.enqueue([{ answer(.failure(error)) }])
            case .success(let lease):
                if deadline?.hasPassed == true {
                    self.returnPlace(lease)
                    return queue.enqueue([{ answer(.failure(.cancelledUnsent)) }])
                }
                lease.connection.read(query, in: queue) { result in
                    guard case .failure(let error) = result, let isAnew = self.goesOn(after: error, on: lease, hasPreparedAnew: hasPreparedAnew)
                    else { return answer(result) }
                    self.ask(query, in: queue, until: deadline, hasPreparedAnew: isAnew, answer)
                }
            }
        }
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
                guard let isAnew = goesOn(after: error, on: lease, hasPreparedAnew: hasPreparedAnew) else { throw error }
                hasPreparedAnew = isAnew
            }
        }
    }

    /// Whether a request that failed is made once more, and then whether its statement has been prepared anew; nil when its error stands.
    private func goesOn(after error: PostgresError, on lease: Lease, hasPreparedAnew: Bool) -> Bool? {
        if error.isUnsent, error.kind == .connection {
            // Nothing left this process, so another connection may have it. Each turn loses one connection, so this ends.
            core.withLock { $0.state.lost(lease.id) }
            return hasPreparedAnew
        }
        // Never came to the server, so no answer will give the place back.
        if error.isUnsent || error.kind == .configuration { returnPlace(lease) }
        // The whole request was rolled back and the statement is prepared anew on its next use.
        return error.needsPreparing && !hasPreparedAnew ? true : nil
    }

    private func returnPlace(_ lease: Lease) {
        perform(core.withLock { $0.state.releaseShared(lease.id, count: 1) { .now } })
    }
}

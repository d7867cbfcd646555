import Deadlines
import Synchronization

/// A connection lent to one caller. Its statements run in the order they are made; those of concurrent child tasks interleave.
///
/// A cancelled task makes the server stop the statement under way. A session has to undo its changes to the connection (`SET`,
/// advisory locks, temporary tables); one that ran a script or was cancelled is closed instead of reused.
package final class Session: Sendable {
    struct State {
        /// BEGIN goes out together with the first statement, which saves a round trip.
        var owesBegin: Bool
        var isReusable = true
        var isCancelled = false
    }

    let connection: Connection
    private let state: Mutex<State>
    let isTransaction: Bool

    init(_ connection: Connection, isTransaction: Bool) {
        self.connection = connection
        self.isTransaction = isTransaction
        state = Mutex(State(owesBegin: isTransaction))
    }

    var isReusable: Bool { state.withLock(\.isReusable) && !connection.withWire { $0.isInTransaction || !$0.task.isNone || $0.handle == nil } }

    /// Whether anything has been sent, so that there is something to commit.
    var hasBegun: Bool { state.withLock { isTransaction && !$0.owesBegin } }

    var isInTransaction: Bool { connection.withWire(\.isInTransaction) }

    func spoil() { state.withLock { $0.isReusable = false } }

    /// One statement.
    @discardableResult
    package func query(_ statement: Statement, _ values: [SQLValue] = []) async throws(PostgresError) -> QueryResult {
        let start = ContinuousClock.now
        defer { OperationDurations.shared.record(statement, since: start) }
        return try await group([Query(statement, values)])[0]
    }

    /// Several statements in one round trip, under one sync: outside a transaction they are one implicit transaction. The error's
    /// `failedQuery` says which one failed.
    @discardableResult
    package func pipelined(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        queries.isEmpty ? [] : try await group(queries)
    }

    /// A text of one or more statements, by the simple protocol. Outside a transaction it is one implicit transaction, unless it says otherwise.
    package func execute(script: String) async throws(PostgresError) {
        spoil()
        try await begin()
        _ = try await cancelling { () async throws(PostgresError) in try await connection.script(script, onSent: stopIfCancelled) }
    }

    /// Sends an owed BEGIN by itself, before a request that can't share a flight with it.
    func begin() async throws(PostgresError) {
        if state.withLock({ $0.owesBegin }) { _ = try await group([]) }
    }

    private func group(_ queries: [Query]) async throws(PostgresError) -> [QueryResult] {
        let owesBegin = state.withLock { state in
            defer { state.owesBegin = false }
            return state.owesBegin
        }
        let all = owesBegin ? [Query(.begin)] + queries : queries
        do throws(PostgresError) {
            let results = try await cancelling { () async throws(PostgresError) in
                try await connection.group(all, cancellable: false, onSent: stopIfCancelled)
            }
            return owesBegin ? Array(results.dropFirst()) : results
        } catch {
            // A value that can't be sent leaves the transaction unopened.
            if owesBegin, error.kind == .configuration { state.withLock { $0.owesBegin = true } }
            throw translated(error, owesBegin ? 1 : 0)
        }
    }

    private func translated(_ error: PostgresError, _ offset: Int) -> PostgresError {
        var error = error
        if let index = error.failedQuery { error.failedQuery = max(0, index - offset) }
        // Nothing of a transaction is kept before its COMMIT.
        if isTransaction { error.outcomeUnknown = false }
        return error
    }

    /// Runs a request, unless its time is up; a cancelled task has the server stop it. The error is then `.cancelled`.
    func cancelling<T>(_ request: () async throws(PostgresError) -> T) async throws(PostgresError) -> T {
        if Task.isCancelled || Deadline.hasPassed { throw .cancelled() }
        let result = await withTaskCancellationHandler {
            do throws(PostgresError) {
                return Result<T, PostgresError>.success(try await request())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            stop()
        }
        do throws(PostgresError) {
            return try result.get()
        } catch {
            throw error.kind == .deadline && Task.isCancelled ? error.asCancelled : error
        }
    }

    /// A cancellation that came before the statement was on its way has found nothing to stop.
    func stopIfCancelled() {
        guard Task.isCancelled else { return }
        spoil()
        connection.requestCancel()
    }

    private func stop() {
        // The cancel request may reach the server after this statement has ended, so the connection must not be lent to anybody else.
        let isFirst = state.withLock { state in
            defer {
                state.isCancelled = true
                state.isReusable = false
            }
            return !state.isCancelled
        }
        if isFirst { connection.requestCancel() }
    }
}

extension Statement {
    static let begin = Statement("begin", "BEGIN")
    static let commit = Statement("commit", "COMMIT")
    static let rollback = Statement("rollback", "ROLLBACK")
}

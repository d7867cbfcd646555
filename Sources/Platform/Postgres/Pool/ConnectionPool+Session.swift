import Synchronization

/// The pinned lane.
extension ConnectionPool {
    /// Lends a connection, outside any transaction.
    package func withSession<T>(_ body: (Session) async throws -> T) async throws -> T {
        let lease = try await lease(.pinned)
        let session = Session(lease.connection, isTransaction: false)
        do {
            let value = try await body(session)
            release(lease, session)
            return value
        } catch {
            release(lease, session)
            throw error
        }
    }

    /// Lends a connection in a transaction: committed when `body` returns, rolled back when it throws.
    ///
    /// READ COMMITTED unless the first statement is a `SET TRANSACTION …`. A failed COMMIT over a lost connection has `outcomeUnknown`.
    package func withTransaction<T>(_ body: (Session) async throws -> T) async throws -> T {
        let lease = try await lease(.pinned)
        let session = Session(lease.connection, isTransaction: true)
        do {
            let value = try await body(session)
            try await session.commit()
            release(lease, session)
            return value
        } catch {
            await session.rollBack()
            release(lease, session)
            throw error
        }
    }

    /// A connection left in a transaction or in the middle of a COPY is closed; the server then rolls back.
    private func release(_ lease: Lease, _ session: Session) {
        let isReusable = session.isReusable
        perform(core.withLock { $0.state.releasePinned(lease.id, reusable: isReusable, now: .now) })
    }
}

extension Session {
    fileprivate func commit() async throws(PostgresError) {
        guard hasBegun else { return }
        // From here on the work is done or not, so a cancelled task waits for the answer.
        let result: QueryResult
        do throws(PostgresError) {
            result = try await connection.query(.commit, [], cancellable: false)
        } catch {
            // A request to stop an earlier statement can arrive late and meet the COMMIT.
            throw error.kind == .deadline && Task.isCancelled ? error.asCancelled : error
        }
        // PostgreSQL answers COMMIT of a failed transaction with ROLLBACK, and no error.
        guard result.commandTag == "COMMIT" else {
            throw PostgresError(.server(.inFailedTransaction), "the transaction was rolled back: a statement in it had failed")
        }
    }

    fileprivate func rollBack() async {
        guard hasBegun, connection.withWire({ $0.isInTransaction && $0.task.isNone }) else { return }
        do throws(PostgresError) {
            _ = try await connection.query(.rollback, [], cancellable: false)
        } catch {
            // The server rolls back the transaction of a closed connection, and the body's error is the one to report.
            spoil()
        }
    }
}

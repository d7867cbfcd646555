import Deadlines
import Synchronization

/// Waits for a connection.
extension ConnectionPool {
    /// A connection of the lane, at once or in turn. Throws `.poolTimeout`, or `.connection` when the database can't be reached.
    func lease(_ lane: State.Lane) async throws(PostgresError) -> Lease {
        let (lease, needsOpening) = core.withLock { core in (core.state.take(lane), core.state.isOpeningDue(for: lane)) }
        if needsOpening { wake() }
        if let lease { return lease }
        let id = core.withLock { $0.state.nextWaiterID() }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                enqueue(continuation, id, lane)
                // The handler may have run before the caller was in the queue.
                if Task.isCancelled { cancelWaiter(id) }
            }
        } onCancel: {
            cancelWaiter(id)
        }
        return try result.get()
    }

    private func enqueue(_ continuation: UnsafeContinuation<Result<Lease, PostgresError>, Never>, _ id: UInt64, _ lane: State.Lane) {
        let patience = ContinuousClock.now + limits.acquireTimeout
        let deadline = Deadline.current.map { min($0.instant, patience) } ?? patience
        let answer: Result<Lease, PostgresError>? = core.withLock { core in
            if core.state.isClosed { return .failure(.poolClosed) }
            // One may have come back since the first look.
            if let lease = core.state.take(lane) { return .success(lease) }
            core.state.wait(continuation, id: id, in: lane, until: deadline)
            return nil
        }
        if let answer { return continuation.resume(returning: answer) }
        wake()
        setTimer(at: deadline)
    }

    private func cancelWaiter(_ id: UInt64) {
        core.withLock { $0.state.removeWaiter(id) }?.resume(returning: .failure(.cancelled()))
    }

    /// One timer serves all waiters. Most wait equally long; a request that has less time left sets an earlier one.
    private func setTimer(at deadline: ContinuousClock.Instant) {
        let isFirst = core.withLock { core in
            if let timer = core.timer, timer <= deadline { return false }
            core.timer = deadline
            return true
        }
        if isFirst { Reactor.shared.schedule(at: deadline) { [weak self] in self?.expireWaiters() } }
    }

    private func expireWaiters() {
        let (expired, error, next) = core.withLock { core in
            core.timer = nil
            return (core.state.removeWaiters(dueAt: .now), core.lastFailure, core.state.nextDeadline)
        }
        let answer = error ?? PostgresError(.poolTimeout, "no connection came free in time")
        for waiter in expired { waiter.resume(returning: .failure(answer)) }
        if let next { setTimer(at: next) }
    }
}

extension ConnectionPool.State {
    fileprivate mutating func take(_ lane: Lane) -> ConnectionPool.Lease? {
        let taken = lane == .shared ? leaseShared() : leasePinned()
        return taken.map { ConnectionPool.Lease(id: $0.id, connection: $0.connection) }
    }

    /// Cheap on the way of every query: with all shared connections there, or the pool full, nothing is counted.
    fileprivate func isOpeningDue(for lane: Lane) -> Bool {
        guard slots.count < limits.maximumConnections else { return false }
        if lane == .shared, slots.count >= limits.multiplexedConnections { return false }
        return openingsNeeded > 0
    }
}

extension PostgresError {
    static var poolClosed: PostgresError { PostgresError(.connection, "the pool is closed") }
}

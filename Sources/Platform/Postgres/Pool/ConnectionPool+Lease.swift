import Deadlines
import Synchronization

/// Waits for a connection.
extension ConnectionPool {
    /// A connection of the lane, at once or in turn. Throws `.poolTimeout`, or `.connection` when the database can't be reached.
    func lease(_ lane: State.Lane) async throws(PostgresError) -> Lease {
        if let lease = leaseAtOnce(lane) { return lease }
        let id = core.withLock { $0.state.nextWaiterID() }
        let result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                enqueue(.task(continuation), id, lane, until: Deadline.current)
                // The handler may have run before the caller was in the queue.
                if Task.isCancelled { cancelWaiter(id) }
            }
        } onCancel: {
            cancelWaiter(id)
        }
        return try result.get()
    }

    /// The same for a caller that waits in no task: it is called with the connection, on its own stack or later in its queue.
    func lease(
        _ lane: State.Lane, in queue: ReplyQueue, until deadline: Deadline?, then use: @escaping @Sendable (Result<Lease, PostgresError>) -> Void
    ) {
        if let lease = leaseAtOnce(lane) { return use(.success(lease)) }
        enqueue(.call(queue, use), core.withLock { $0.state.nextWaiterID() }, lane, until: deadline)
    }

    private func leaseAtOnce(_ lane: State.Lane) -> Lease? {
        let (lease, needsOpening) = core.withLock { core in (core.state.take(lane), core.state.isOpeningDue(for: lane)) }
        if needsOpening { wake() }
        return lease
    }

    private func enqueue(_ waiter: LeaseWaiter, _ id: UInt64, _ lane: State.Lane, until own: Deadline?) {
        let patience = ContinuousClock.now + limits.acquireTimeout
        let deadline = own.map { min($0.instant, patience) } ?? patience
        let answer: Result<Lease, PostgresError>? = core.withLock { core in
            if core.state.isClosed { return .failure(.poolClosed) }
            // One may have come back since the first look.
            if let lease = core.state.take(lane) { return .success(lease) }
            core.state.wait(waiter, id: id, in: lane, until: deadline)
            return nil
        }
        if let answer { return waiter.resume(answer) }
        wake()
        setTimer(at: deadline)
    }

    private func cancelWaiter(_ id: UInt64) {
        core.withLock { $0.state.removeWaiter(id) }?.resume(.failure(.cancelled()))
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
        for waiter in expired { waiter.resume(.failure(answer)) }
        if let next { setTimer(at: next) }
    }
}

/// A caller in the queue for a connection.
enum LeaseWaiter: Sendable {
    case task(UnsafeContinuation<Result<ConnectionPool.Lease, PostgresError>, Never>)
    case call(ReplyQueue, @Sendable (Result<ConnectionPool.Lease, PostgresError>) -> Void)

    func resume(_ lease: Result<ConnectionPool.Lease, PostgresError>) {
        switch self {
        case .task(let continuation): continuation.resume(returning: lease)
        case .call(let queue, let use): queue.enqueue([{ use(lease) }])
        }
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

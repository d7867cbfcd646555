/// Gives connections out, and keeps the queues of waiting callers.
extension PoolState {
    /// A connection for one request, the least busy one. Nil: wait.
    mutating func leaseShared() -> (id: Int, connection: Connection)? {
        guard sharedWaiters.isEmpty, !isClosed else { return nil }
        var best: (index: Int, inFlight: Int)?
        var idle: Int?
        var sharing = 0
        for (index, slot) in slots.enumerated() {
            switch slot.phase {
            case .shared(let inFlight) where !slot.isDraining:
                sharing += 1
                if inFlight < limits.pipelineDepth, inFlight < best?.inFlight ?? .max { best = (index, inFlight) }
            case .idle where pinnedWaiters.isEmpty: idle = index
            case .opening, .idle, .shared, .pinned: break
            }
        }
        if sharing < limits.multiplexedConnections, let idle { best = (idle, 0) }
        guard let best, let connection = slots[best.index].connection else { return nil }
        slots[best.index].phase = .shared(inFlight: best.inFlight + 1)
        return (slots[best.index].id, connection)
    }

    /// A connection for one caller alone. Nil: wait.
    mutating func leasePinned() -> (id: Int, connection: Connection)? {
        guard pinnedWaiters.isEmpty, !isClosed, let index = slots.lastIndex(where: \.isIdle), let connection = slots[index].connection else {
            return nil
        }
        slots[index].phase = .pinned
        return (slots[index].id, connection)
    }

    /// A name for a waiter, in order of arrival.
    mutating func nextWaiterID() -> UInt64 {
        lastWaiter += 1
        return lastWaiter
    }

    /// Puts a caller in the queue of its lane.
    mutating func wait(_ waiter: Waiter, id: UInt64, in lane: Lane, until deadline: Instant) {
        let waiting = Waiting(id: id, waiter: waiter, deadline: deadline)
        switch lane {
        case .shared: sharedWaiters.append(waiting)
        case .pinned:
            pinnedWaiters.append(waiting)
            drainOneForPinned()
        }
    }

    /// With every connection taken, the shared lane gives one up, but keeps its last unless there is only one at all.
    private mutating func drainOneForPinned() {
        guard slots.count >= limits.maximumConnections, !slots.contains(where: \.isDraining) else { return }
        let sharing = slots.indices.filter { slots[$0].isShared }
        guard sharing.count > 1 || limits.maximumConnections == 1, let index = sharing.last else { return }
        slots[index].isDraining = true
    }

    /// Takes a waiter out of the queue; nil when it has been served.
    mutating func removeWaiter(_ id: UInt64) -> Waiter? {
        let removed = sharedWaiters.remove { $0.id == id } + pinnedWaiters.remove { $0.id == id }
        return removed.first?.waiter
    }

    /// Takes out the waiters whose time is up.
    mutating func removeWaiters(dueAt now: Instant) -> [Waiter] {
        (sharedWaiters.remove { $0.deadline <= now } + pinnedWaiters.remove { $0.deadline <= now }).map(\.waiter)
    }

    /// Takes out all waiters.
    mutating func removeAllWaiters() -> [Waiter] {
        (sharedWaiters.remove { _ in true } + pinnedWaiters.remove { _ in true }).map(\.waiter)
    }

    /// When the next waiter's time is up.
    var nextDeadline: Instant? { [sharedWaiters.earliest { $0.deadline }, pinnedWaiters.earliest { $0.deadline }].compactMap { $0 }.min() }
}

/// Takes connections back, and hands them on.
extension PoolState {
    /// `count` requests on a shared connection have been answered.
    mutating func releaseShared(_ id: Int, count: Int, now: () -> Instant) -> Effects {
        var effects = Effects()
        guard let index = slots.firstIndex(where: { $0.id == id }), case .shared(let inFlight) = slots[index].phase else { return effects }
        slots[index].phase = .shared(inFlight: inFlight - count)
        if inFlight > count {
            if !slots[index].isDraining { fill(index, &effects) }
        } else {
            settle(index, now(), &effects)
        }
        return effects
    }

    /// A caller gives its connection back; `reusable` false ends it.
    mutating func releasePinned(_ id: Int, reusable: Bool, now: Instant) -> Effects {
        var effects = Effects()
        guard let index = slots.firstIndex(where: { $0.id == id }) else { return effects }
        if !reusable { slots[index].expires = now }
        settle(index, now, &effects)
        return effects
    }

    /// A connection is free: it ends when its time is up, else goes to the caller who waits longest, else idles.
    mutating func settle(_ index: Int, _ now: Instant, _ effects: inout Effects) {
        slots[index].isDraining = false
        if isClosed || slots[index].isOver(now) {
            if let connection = slots.remove(at: index).connection { effects.closes.append(connection) }
            effects.needsOpening = openingsNeeded > 0
            return
        }
        slots[index].phase = .idle(since: now)
        guard let connection = slots[index].connection else { return }
        let canShare = !sharedWaiters.isEmpty && sharing < max(1, limits.multiplexedConnections)
        if let pinned = pinnedWaiters.first, !canShare || pinned.id < sharedWaiters.first?.id ?? .max {
            _ = pinnedWaiters.popFirst()
            slots[index].phase = .pinned
            effects.grants.append((pinned.waiter, slots[index].id, connection))
        } else if canShare {
            slots[index].phase = .shared(inFlight: 0)
            fill(index, &effects)
        }
    }

    private mutating func fill(_ index: Int, _ effects: inout Effects) {
        guard case .shared(var inFlight) = slots[index].phase, let connection = slots[index].connection else { return }
        while inFlight < limits.pipelineDepth, let next = sharedWaiters.popFirst() {
            inFlight += 1
            effects.grants.append((next.waiter, slots[index].id, connection))
        }
        slots[index].phase = .shared(inFlight: inFlight)
    }
}

/// Opens, loses, retires and closes connections.
extension PoolState {
    var sharing: Int { slots.count { $0.isShared && !$0.isDraining } }

    /// How many connections should be opened now. One at a time while the database doesn't answer.
    var openingsNeeded: Int {
        guard !isClosed else { return 0 }
        let busy = slots.contains(where: \.isShared)
        let idle = slots.count(where: \.isIdle)
        let forShared = busy || !sharedWaiters.isEmpty ? limits.multiplexedConnections - sharing : 0
        let wanted = max(max(0, forShared) + pinnedWaiters.count - idle, limits.minimumConnections - slots.count + opening)
        let room = limits.maximumConnections - slots.count
        let needed = max(0, min(wanted - opening, room))
        return consecutiveFailures > 0 ? min(needed, opening == 0 ? 1 : 0) : needed
    }

    private var opening: Int { slots.count { $0.phase == .opening } }

    /// Takes a place for a connection that is about to be opened.
    mutating func startOpening() -> Int {
        lastID += 1
        slots.append(Slot(id: lastID))
        return lastID
    }

    /// The connection is there, and may stay until `expires`.
    mutating func opened(_ id: Int, _ connection: Connection, now: Instant, expires: Instant) -> Effects {
        var effects = Effects()
        consecutiveFailures = 0
        guard let index = slots.firstIndex(where: { $0.id == id }) else {
            effects.closes.append(connection)
            return effects
        }
        slots[index].connection = connection
        slots[index].expires = expires
        settle(index, now, &effects)
        effects.needsOpening = openingsNeeded > 0
        return effects
    }

    /// The attempt failed.
    mutating func openingFailed(_ id: Int) {
        consecutiveFailures += 1
        slots.removeAll { $0.id == id }
    }

    /// The connection was lost.
    mutating func lost(_ id: Int) { slots.removeAll { $0.id == id } }

    /// Ends connections that have been idle too long or have lived their time.
    mutating func retire(now: Instant) -> [Connection] {
        var closes: [Connection] = []
        for slot in slots {
            switch slot.phase {
            case .idle(let since):
                let isTired = since + limits.idleTimeout <= now && slots.count > limits.minimumConnections
                guard isTired || slot.isOver(now), let connection = slot.connection else { continue }
                closes.append(connection)
                slots.removeAll { $0.id == slot.id }
            case .shared where slot.isOver(now):
                guard let index = slots.firstIndex(where: { $0.id == slot.id }) else { continue }
                slots[index].isDraining = true
            case .opening, .shared, .pinned: break
            }
        }
        return closes
    }

    /// No more leases. Returns the idle connections; the busy ones end as they come back.
    mutating func close() -> [Connection] {
        isClosed = true
        let idle = slots.filter(\.isIdle).compactMap(\.connection)
        slots.removeAll { $0.isIdle || $0.phase == .opening }
        return idle
    }
}

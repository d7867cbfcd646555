/// The rules of a connection pool. Pure: no clock, no sockets; generic so that tests need no server.
///
/// A connection is `opening` → `idle` ⇄ `shared` (requests of many callers interleaved) or ⇄ `pinned` (lent to one caller) → gone.
struct PoolState<Connection, Waiter> {
    typealias Instant = ContinuousClock.Instant

    enum Lane { case shared, pinned }

    enum Phase: Equatable {
        case opening
        case idle(since: Instant)
        case shared(inFlight: Int)
        case pinned
    }

    struct Slot {
        let id: Int
        var connection: Connection?
        var phase = Phase.opening
        /// Counts from the moment the connection is there.
        var expires: Instant?
        /// Takes no new requests: it is to end, or goes to a caller who wants it whole.
        var isDraining = false
    }

    struct Waiting {
        let id: UInt64
        let waiter: Waiter
        let deadline: Instant
    }

    /// What is to be done once the lock is free.
    struct Effects {
        var grants: [(waiter: Waiter, id: Int, connection: Connection)] = []
        var closes: [Connection] = []
        var needsOpening = false
    }

    let limits: PoolLimits
    var slots: [Slot] = []
    var sharedWaiters = FIFO<Waiting>()
    var pinnedWaiters = FIFO<Waiting>()
    var consecutiveFailures = 0
    var isClosed = false
    private var lastID = 0
    private var lastWaiter: UInt64 = 0

    init(_ limits: PoolLimits) { self.limits = limits }

    // MARK: Leasing

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
    var nextDeadline: Instant? { [sharedWaiters.first?.deadline, pinnedWaiters.first?.deadline].compactMap { $0 }.min() }

    // MARK: Returning

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

    /// A connection is free: it ends when its time is up, else goes to whoever waits longest, else idles.
    private mutating func settle(_ index: Int, _ now: Instant, _ effects: inout Effects) {
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

    // MARK: Opening and closing

    private var sharing: Int { slots.count { $0.isShared && !$0.isDraining } }

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

    /// Ends what has been idle too long or has lived its time.
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

    /// The pool as it is now.
    var statistics: PoolStatistics {
        PoolStatistics(
            open: slots.count, idle: slots.count(where: \.isIdle), inUse: slots.count { $0.isShared || $0.phase == .pinned },
            waiting: sharedWaiters.count + pinnedWaiters.count)
    }
}

extension PoolState.Slot {
    func isOver(_ now: PoolState.Instant) -> Bool { expires.map { $0 <= now } ?? false }

    var isIdle: Bool {
        if case .idle = phase { return true }
        return false
    }

    var isShared: Bool {
        if case .shared = phase { return true }
        return false
    }
}

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
        /// Takes no new requests: it is about to end, or goes to a caller that needs a whole connection.
        var isDraining = false
    }

    struct Waiting {
        let id: UInt64
        let waiter: Waiter
        let deadline: Instant
    }

    /// Work for the time when the lock is free.
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
    var lastID = 0
    var lastWaiter: UInt64 = 0

    init(_ limits: PoolLimits) { self.limits = limits }

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

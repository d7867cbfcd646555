import HTTPTypes
import PublishingAPI

/// The rank of a call where there is not room for all.
enum AdmissionLane {
    /// Commands, signing in, keys.
    case essential
    case read

    init(_ route: Route) { self = route.method == .get && route.service != .auth ? .read : .essential }
}

/// The calls on their way to one service, and those that wait. Pure: no clock, no tasks.
///
/// Essential calls come in their order and before all reads. Reads come in their order in a burst; once the queue stands, the newest comes first, for
/// the oldest is the least likely to be waited for.
struct AdmissionLanes<Waiter> {
    typealias Instant = ContinuousClock.Instant

    enum Answer {
        case admitted, refused, waiting
    }

    private struct Waiting {
        let id: UInt64
        let waiter: Waiter
        let since: Instant
        /// When its request's own time is up.
        let deadline: Instant?
    }

    private let settings: SheddingSettings
    private var delay: QueueDelay
    private var running = 0
    private var runningReads = 0
    private var essential: [Waiting] = []
    private var reads: [Waiting] = []
    private var lastID: UInt64 = 0

    init(_ settings: SheddingSettings, at now: Instant) {
        self.settings = settings
        delay = QueueDelay(settings, at: now)
    }

    /// Calls that wait.
    var count: Int { essential.count + reads.count }
    var isEmpty: Bool { essential.isEmpty && reads.isEmpty }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Takes a place if there is one and nobody waits for it.
    mutating func enter(_ lane: AdmissionLane) -> Bool {
        guard running < settings.concurrency else { return false }
        switch lane {
        case .essential: guard essential.isEmpty else { return false }
        case .read:
            guard isEmpty, runningReads < settings.reads else { return false }
            runningReads += 1
        }
        running += 1
        return true
    }

    /// Joins the queue of its lane, unless that is full.
    mutating func wait(_ waiter: Waiter, id: UInt64, in lane: AdmissionLane, until deadline: Instant?, at now: Instant) -> Answer {
        // One may have left since the first look.
        if enter(lane) { return .admitted }
        if isEmpty { delay.noteEmpty(at: now) }
        let waiting = Waiting(id: id, waiter: waiter, since: now, deadline: deadline)
        switch lane {
        case .essential:
            guard essential.count < settings.queue else { return .refused }
            essential.append(waiting)
        case .read:
            guard reads.count < settings.queue else { return .refused }
            reads.append(waiting)
        }
        return .waiting
    }

    /// Takes a call out of the queue; nil when it is there no more.
    mutating func remove(_ id: UInt64) -> Waiter? {
        if let index = essential.firstIndex(where: { $0.id == id }) { return essential.remove(at: index).waiter }
        return reads.firstIndex { $0.id == id }.map { reads.remove(at: $0).waiter }
    }

    /// A call has ended. Nil when nobody waits; else those who may go on now, and those who have waited too long.
    mutating func leave(_ lane: AdmissionLane, at now: () -> Instant) -> (admitted: [Waiter], refused: [Waiter])? {
        running -= 1
        if lane == .read { runningReads -= 1 }
        if isEmpty { return nil }
        let now = now()
        let refused = expire(at: now)
        var admitted: [Waiter] = []
        while running < settings.concurrency, let waiter = next(at: now) { admitted.append(waiter) }
        if isEmpty { delay.noteEmpty(at: now) }
        return (admitted, refused)
    }

    /// Takes out those who have waited too long. Essential calls wait four times as long as others in a burst.
    mutating func expire(at now: Instant) -> [Waiter] {
        let (patience, essentialPatience) = (delay.patience(at: now), settings.interval * 4)
        func isOver(_ call: Waiting, _ patience: Duration) -> Bool { now - call.since >= patience || call.deadline.map { $0 <= now } ?? false }
        let late = essential.filter { isOver($0, essentialPatience) } + reads.filter { isOver($0, patience) }
        guard !late.isEmpty else { return [] }
        essential.removeAll { isOver($0, essentialPatience) }
        reads.removeAll { isOver($0, patience) }
        return late.map(\.waiter)
    }

    private mutating func next(at now: Instant) -> Waiter? {
        let call: Waiting
        if !essential.isEmpty {
            call = essential.removeFirst()
        } else if !reads.isEmpty, runningReads < settings.reads {
            call = delay.isStanding(at: now) ? reads.removeLast() : reads.removeFirst()
            runningReads += 1
        } else {
            return nil
        }
        running += 1
        return call.waiter
    }
}

import HTTPContract
import HTTPTypes
import Hummingbird
import PublishingAPI

/// The rank of a call where there is not room for all.
enum AdmissionLane {
    /// Commands, signing in, keys.
    case essential
    case read
    /// A read that may wait for a position before it is answered, and holds its place meanwhile.
    case patientRead

    /// - Parameter endpoint: the endpoint, where the caller knows it.
    init(_ request: Request, as endpoint: Endpoint?) {
        guard request.method == .get || request.method == .head, endpoint?.route.service != .auth else {
            self = .essential
            return
        }
        // Without a position, `Prefer: wait` waits for nothing.
        self = request.headers.contains(.waitForPosition) ? .patientRead : .read
    }
}

/// The calls on their way to one service, and those that wait. Pure: no clock, no tasks.
///
/// Essential calls come in their order and before all reads. Reads come in their order in a burst; once the queue stands, the newest comes first, for
/// the oldest is the least likely to be waited for. Patient reads are a share of the reads with a queue of its own, behind the others. That queue
/// says nothing of how busy the service is.
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
    /// Of both kinds.
    private var runningReads = 0
    private var runningPatientReads = 0
    private var essential: [Waiting] = []
    private var reads: [Waiting] = []
    private var patientReads: [Waiting] = []
    private var lastID: UInt64 = 0

    init(_ settings: SheddingSettings, at now: Instant) {
        self.settings = settings
        delay = QueueDelay(settings, at: now)
    }

    /// Calls that wait.
    var count: Int { essential.count + reads.count + patientReads.count }
    var isEmpty: Bool { nobodyHurries && patientReads.isEmpty }
    /// Whether those who wait are patient, if any do.
    private var nobodyHurries: Bool { essential.isEmpty && reads.isEmpty }
    private var hasRoomForReads: Bool { runningReads < settings.reads }
    private var hasRoomForPatientReads: Bool { hasRoomForReads && runningPatientReads < settings.patientReads }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Takes a place if there is one and nobody waits for it.
    mutating func enter(_ lane: AdmissionLane) -> Bool {
        guard running < settings.concurrency else { return false }
        switch lane {
        case .essential: guard essential.isEmpty else { return false }
        case .read: guard nobodyHurries, hasRoomForReads else { return false }
        case .patientRead: guard isEmpty, hasRoomForPatientReads else { return false }
        }
        begin(lane)
        return true
    }

    private mutating func begin(_ lane: AdmissionLane) {
        running += 1
        if lane != .essential { runningReads += 1 }
        if lane == .patientRead { runningPatientReads += 1 }
    }

    /// Joins the queue of its lane, unless that is full.
    mutating func wait(_ waiter: Waiter, id: UInt64, in lane: AdmissionLane, until deadline: Instant?, at now: Instant) -> Answer {
        // One may have left since the first look.
        if enter(lane) { return .admitted }
        if nobodyHurries { delay.noteEmpty(at: now) }
        let waiting = Waiting(id: id, waiter: waiter, since: now, deadline: deadline)
        switch lane {
        case .essential:
            guard essential.count < settings.queue else { return .refused }
            essential.append(waiting)
        case .read:
            guard reads.count < settings.queue else { return .refused }
            reads.append(waiting)
        case .patientRead:
            guard patientReads.count < settings.queue else { return .refused }
            patientReads.append(waiting)
        }
        return .waiting
    }

    /// Takes a call out of the queue; nil when it is there no more.
    mutating func remove(_ id: UInt64) -> Waiter? {
        func remove(from queue: inout [Waiting]) -> Waiter? { queue.firstIndex { $0.id == id }.map { queue.remove(at: $0).waiter } }
        return remove(from: &essential) ?? remove(from: &reads) ?? remove(from: &patientReads)
    }

    /// A call has ended. Nil when nobody waits; else those who may go on now, and those who have waited too long.
    mutating func leave(_ lane: AdmissionLane, at now: () -> Instant) -> (admitted: [Waiter], refused: [Waiter])? {
        running -= 1
        if lane != .essential { runningReads -= 1 }
        if lane == .patientRead { runningPatientReads -= 1 }
        if isEmpty { return nil }
        let now = now()
        let refused = expire(at: now)
        var admitted: [Waiter] = []
        while running < settings.concurrency, let waiter = next(at: now) { admitted.append(waiter) }
        if nobodyHurries { delay.noteEmpty(at: now) }
        return (admitted, refused)
    }

    /// Takes out those who have waited too long. Essential and patient calls wait four times as long as others in a burst.
    mutating func expire(at now: Instant) -> [Waiter] {
        var late: [Waiter] = []
        func takeLate(from queue: inout [Waiting], after patience: Duration) {
            func isOver(_ call: Waiting) -> Bool { now - call.since >= patience || call.deadline.map { $0 <= now } ?? false }
            guard queue.contains(where: isOver) else { return }
            late += queue.filter(isOver).map(\.waiter)
            queue.removeAll(where: isOver)
        }
        takeLate(from: &essential, after: settings.interval * 4)
        takeLate(from: &reads, after: delay.patience(at: now))
        takeLate(from: &patientReads, after: settings.interval * 4)
        return late
    }

    private mutating func next(at now: Instant) -> Waiter? {
        if !essential.isEmpty {
            begin(.essential)
            return essential.removeFirst().waiter
        }
        if !reads.isEmpty, hasRoomForReads {
            begin(.read)
            return (delay.isStanding(at: now) ? reads.removeLast() : reads.removeFirst()).waiter
        }
        guard !patientReads.isEmpty, hasRoomForPatientReads else { return nil }
        begin(.patientRead)
        return patientReads.removeFirst().waiter
    }
}

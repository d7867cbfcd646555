import EventSourcing

/// Failed tries, and tries under way, by whom they count against. Bounded: the ones that failed longest ago go first. Its times are those of a clock
/// that nobody sets: a wall clock put back by an hour would lock accounts for that long.
struct FailureTable: Sendable {
    private struct Entry: Sendable {
        /// As many as were left at `countedAt`: see `Backoff.forgiveness`.
        var failures: Int
        var countedAt: ContinuousClock.Instant
        var lastFailure: ContinuousClock.Instant
        /// Before it nobody may try.
        var opens: ContinuousClock.Instant
    }

    private let backoff: Backoff
    private let capacity: Int
    private var entries = LeastRecentlyUsed<String, Entry>()
    /// Not in the entries, or whoever begins many tries could flush them without the work of one. As many as requests that are being answered.
    private var underWay: [String: Int] = [:]

    init(_ backoff: Backoff, capacity: Int) {
        self.backoff = backoff
        self.capacity = capacity
    }

    /// How many are remembered for failures.
    var count: Int { entries.count }

    /// Until when a try has to wait; nil when it may be made now. A try under way counts as a failure until it has ended: the free ones are no more
    /// when they are made all
    /// at once, and once they are used up tries come one by one.
    func wait(_ key: String, at time: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        if let entry = remembered(key, at: time), entry.opens > time { return entry.opens }
        guard let others = underWay[key], failures(key, at: time) + others >= backoff.free else { return nil }
        return time.advanced(by: backoff.first)
    }

    /// Notes that a try begins, which ends by `end`.
    mutating func begin(_ key: String) { underWay[key, default: 0] += 1 }

    /// Notes that a try has ended, and how.
    mutating func end(_ key: String, _ outcome: TryOutcome, at time: ContinuousClock.Instant) {
        underWay[key] = underWay[key].flatMap { $0 > 1 ? $0 - 1 : nil }
        switch outcome {
        case .failed: fail(key, at: time)
        case .cleared: entries.remove(key)
        case .unknown: break
        }
    }

    private mutating func fail(_ key: String, at time: ContinuousClock.Instant) {
        let left = failures(key, at: time)
        var countedAt = time
        if left > 0, let entry = entries.peek(key) {
            // The time towards the next forgiven one goes on.
            countedAt = entry.countedAt.advanced(by: (backoff.forgiveness ?? .zero) * (entry.failures - left))
        }
        let opens = time.advanced(by: backoff.pause(after: left + 1))
        entries.set(key, to: Entry(failures: left + 1, countedAt: countedAt, lastFailure: time, opens: opens), cost: 1)
        while entries.count > capacity, let oldest = entries.oldestKey { entries.remove(oldest) }
    }

    private func failures(_ key: String, at time: ContinuousClock.Instant) -> Int {
        guard let entry = remembered(key, at: time) else { return 0 }
        guard let forgiveness = backoff.forgiveness else { return entry.failures }
        return max(0, entry.failures - Int(max(.zero, time - entry.countedAt) / forgiveness))
    }

    private func remembered(_ key: String, at time: ContinuousClock.Instant) -> Entry? {
        entries.peek(key).flatMap { $0.lastFailure.advanced(by: backoff.memory) > time ? $0 : nil }
    }
}

/// The marks of a try: its account and its address.
enum TryOutcome: Sendable {
    case failed
    /// All failures before it are forgotten.
    case cleared
    /// Nothing.
    case unknown
}

/// How failures slow further tries down: the first few are free, then each doubles the pause, up to a longest one.
package struct Backoff: Sendable, Hashable {
    /// Failures without a pause.
    package var free: Int
    /// The pause after the last free one.
    package var first: Duration
    /// No pause is longer, so nobody is ever locked out for more than this by what others do.
    package var longest: Duration
    /// After so long without a failure all is forgotten.
    package var memory: Duration
    /// One failure is forgiven each time this has passed; nil forgives none before all are forgotten.
    package var forgiveness: Duration?

    package init(
        free: Int, first: Duration = .seconds(1), longest: Duration = .seconds(60), memory: Duration = .seconds(15 * 60), forgiveness: Duration? = nil
    ) {
        self.forgiveness = forgiveness
        self.free = free
        self.first = first
        self.longest = longest
        self.memory = memory
    }

    /// How long to pause after so many failures.
    func pause(after failures: Int) -> Duration {
        guard failures >= free else { return .zero }
        // Twenty doublings of a millisecond are a quarter of an hour; more would only overflow.
        return min(longest, first * (1 << min(failures - free, 20)))
    }
}

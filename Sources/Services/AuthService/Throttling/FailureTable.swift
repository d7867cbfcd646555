import EventSourcing

/// Failed tries and tries under way, by the account or address that they count against. It is bounded, and the oldest failures go first.
/// Its times are those of a clock that nobody sets: a wall clock put back by an hour would lock accounts for that long.
struct FailureTable: Sendable {
    private struct Entry: Sendable {
        /// The failures that were left at `countedAt`: see `ThrottlePolicy.forgiveness`.
        var failures: Int
        var countedAt: ContinuousClock.Instant
        var lastFailure: ContinuousClock.Instant
        /// No try is allowed before this.
        var opens: ContinuousClock.Instant
    }

    private let backoff: ThrottlePolicy
    private let capacity: Int
    private var entries = LeastRecentlyUsed<String, Entry>()
    /// Kept apart from the entries, because many begun tries would flush those without the work of one. Bounded by the requests that are being
    /// answered.
    private var underWay: [String: Int] = [:]

    init(_ backoff: ThrottlePolicy, capacity: Int) {
        self.backoff = backoff
        self.capacity = capacity
    }

    /// The number of keys with failures.
    var count: Int { entries.count }

    /// The time until which a try has to wait; nil if it may be made now. A try under way counts as a failure until it ends. So tries at the same
    /// moment are not free beyond the free ones, and after those they come one by one.
    func wait(_ key: String, at time: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        if let entry = remembered(key, at: time), entry.opens > time { return entry.opens }
        guard let others = underWay[key], failures(key, at: time) + others >= backoff.free else { return nil }
        return time.advanced(by: backoff.first)
    }

    /// Notes that a try begins. `end` must follow.
    mutating func begin(_ key: String) { underWay[key, default: 0] += 1 }

    /// Notes the outcome of a try.
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
            // The time towards the next forgiven failure goes on.
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

/// The outcome of a try.
enum TryOutcome: Sendable {
    case failed
    /// All earlier failures are forgotten.
    case cleared
    /// It changes nothing.
    case unknown
}

/// How failures slow down further tries. The first few are free, then each doubles the pause up to the longest.
package struct ThrottlePolicy: Sendable, Hashable {
    /// Failures without a pause.
    package var free: Int
    /// The pause after the last free one.
    package var first = Duration.seconds(1)
    /// The longest pause. Others can lock a user out for no longer than this.
    package var longest = Duration.seconds(60)
    /// All failures are forgotten after this time without one.
    package var memory = Duration.seconds(15 * 60)
    /// One failure is forgiven each time this has passed. Nil forgives none before all are forgotten.
    package var forgiveness: Duration?

    /// The pause after this many failures.
    func pause(after failures: Int) -> Duration {
        guard failures >= free else { return .zero }
        // Twenty doublings of a millisecond are a quarter of an hour; more would only overflow.
        return min(longest, first * (1 << min(failures - free, 20)))
    }
}

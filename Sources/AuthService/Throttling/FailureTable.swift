import EventSourcing

/// Failed tries by whom they count against. Bounded: the ones that failed longest ago go first.
struct FailureTable: Sendable {
    private struct Entry: Sendable {
        var failures: Int
        var lastFailure: Timestamp
        /// Before it nobody may try.
        var opens: Timestamp
    }

    /// What a try may do.
    enum Admission: Equatable {
        case admitted
        case refused(until: Timestamp)
    }

    /// While one try of a slowed-down key is under way, others wait; it is given up for lost after this.
    private static let longestTry = Duration.seconds(10)

    private let backoff: Backoff
    private let capacity: Int
    private var entries = LeastRecentlyUsed<String, Entry>()

    init(_ backoff: Backoff, capacity: Int) {
        self.backoff = backoff
        self.capacity = capacity
    }

    var count: Int { entries.count }

    /// Whether a try may be made now. Changes nothing.
    func admission(_ key: String, at time: Timestamp) -> Admission {
        guard let entry = entries.peek(key), entry.lastFailure.advanced(by: backoff.memory) > time, entry.opens > time else { return .admitted }
        return .refused(until: entry.opens)
    }

    /// Notes that a try begins. Once the free ones are used up tries come one by one, however many are made at once.
    mutating func begin(_ key: String, at time: Timestamp) {
        guard var entry = entries.peek(key), entry.failures >= backoff.free, entry.lastFailure.advanced(by: backoff.memory) > time else { return }
        entry.opens = time.advanced(by: Self.longestTry)
        entries.set(key, to: entry, cost: 1)
    }

    mutating func fail(_ key: String, at time: Timestamp) {
        var entry =
            entries.peek(key).flatMap { $0.lastFailure.advanced(by: backoff.memory) > time ? $0 : nil }
            ?? Entry(failures: 0, lastFailure: time, opens: time)
        entry.failures += 1
        entry.lastFailure = time
        entry.opens = time.advanced(by: backoff.pause(after: entry.failures))
        entries.set(key, to: entry, cost: 1)
        while entries.count > capacity, let oldest = entries.oldestKey { entries.remove(oldest) }
    }

    /// Ends a try that says nothing about who made it; failures before it go on counting.
    mutating func release(_ key: String, at time: Timestamp) {
        guard var entry = entries.peek(key), entry.opens > time else { return }
        entry.opens = time
        entries.set(key, to: entry, cost: 1)
    }

    /// Forgets all failures.
    mutating func clear(_ key: String) {
        entries.remove(key)
    }
}

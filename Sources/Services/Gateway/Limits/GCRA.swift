/// The arithmetic of one limit: the generic cell rate algorithm in its form of virtual scheduling (ITU-T I.371 §A). A caller owes time: each call
/// adds an interval, which passes as time does, and nobody may owe more than the burst. All times in nanoseconds.
struct GCRA: Equatable {
    /// The price of one call.
    let interval: UInt64
    /// The debt of an empty bucket.
    let burst: UInt64

    init(_ limit: RateLimit) {
        interval = max(1, UInt64(limit.window / .nanoseconds(1)) / UInt64(limit.count))
        burst = interval * UInt64(limit.count)
    }

    private init(interval: UInt64, burst: UInt64) {
        self.interval = interval
        self.burst = burst
    }

    /// The part of the limit that one of so many gateways may give away, one call in a window at least. A call costs more and the burst is the same,
    /// so what a caller owes means the same part of its quota.
    func share(ofGateways count: Int) -> GCRA { GCRA(interval: min(interval * UInt64(max(1, count)), burst), burst: burst) }

    /// Whether someone who owes so much may call once more.
    func allows(owing owed: UInt64) -> Bool { owed + interval <= burst }

    /// The debt after so many further calls; nil when they may not make them.
    func debt(after calls: Int, owing owed: UInt64) -> UInt64? {
        let debt = owed + UInt64(calls) * interval
        return debt <= burst ? debt : nil
    }

    /// The outcome for someone who owes so much after it.
    /// - Parameter calls: how many were refused at once.
    func verdict(_ isAllowed: Bool, owing owed: UInt64, for calls: Int = 1) -> RateLimiter.Verdict {
        let remaining = (burst - min(owed, burst)) / interval
        let cost = max(remaining + 1, UInt64(calls)) * interval
        // With a share of a limit the burst need not be whole calls: then no more follow than could at once.
        let next = cost <= burst ? owed - min(owed, burst - cost) : owed
        return RateLimiter.Verdict(isAllowed: isAllowed, remaining: Int(remaining), nextIn: Self.seconds(next))
    }

    /// Rounded up: a caller who comes back then is admitted.
    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}

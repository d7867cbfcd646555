import Synchronization

/// Token buckets of one limit: `count` calls at once, then one every `window / count`. Written as the equal virtual scheduling (GCRA, ITU-T I.371 §A), in which a bucket is
/// one moment.
final class RateLimiter: Sendable {
    /// What a caller is told.
    struct Verdict: Equatable {
        let limit: Int
        let isAllowed: Bool
        /// Calls that could follow at once.
        let remaining: Int
        /// Seconds until the bucket is full again.
        let reset: Int
        /// Seconds until a call is allowed; 0 when one is.
        let retryAfter: Int
    }

    private let limit: RateLimit
    /// Nanoseconds in which one call comes back.
    private let interval: UInt64
    private let burst: UInt64
    private let table: Mutex<BucketTable>
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - capacity: how many callers are remembered; 32 bytes each, taken at once.
    ///   - now: nanoseconds of a clock that only goes forward.
    init(_ limit: RateLimit, capacity: Int = 65_536, now: @escaping @Sendable () -> UInt64) {
        self.limit = limit
        interval = max(1, UInt64(limit.window / .nanoseconds(1)) / UInt64(limit.count))
        burst = interval * UInt64(limit.count)
        table = Mutex(BucketTable(capacity: capacity))
        self.now = now
    }

    /// Takes one call out of the caller's bucket, if there is one in it.
    func take(_ key: BucketKey) -> Verdict {
        let time = now()
        return table.withLock { table in
            let before = max(table.fullAt(key), time)
            let after = before + interval
            guard after - time <= burst else {
                return verdict(isAllowed: false, owed: before - time, retryAfter: after - time - burst)
            }
            table.keep(key, fullAt: after)
            return verdict(isAllowed: true, owed: after - time, retryAfter: 0)
        }
    }

    /// Puts back what was taken for something that turned out not to count.
    func giveBack(_ key: BucketKey) {
        table.withLock { table in
            let fullAt = table.fullAt(key)
            if fullAt > interval { table.keep(key, fullAt: fullAt - interval) }
        }
    }

    private func verdict(isAllowed: Bool, owed: UInt64, retryAfter: UInt64) -> Verdict {
        Verdict(
            limit: limit.count, isAllowed: isAllowed, remaining: isAllowed ? Int((burst - owed) / interval) : 0, reset: Self.seconds(owed),
            retryAfter: Self.seconds(retryAfter))
    }

    /// Rounded up: who comes back then is let in.
    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}

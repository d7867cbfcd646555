import HTTPContract
import HTTPTypes
import Synchronization

/// Token buckets of one limit: `count` calls at once, then one every `window / count`. Written as the equivalent virtual scheduling (GCRA, ITU-T
/// I.371 §A), in which a bucket is one moment.
final class RateLimiter: Sendable {
    /// The outcome of taking a call, as its caller is told.
    struct Verdict: Equatable {
        let isAllowed: Bool
        /// Calls that could follow at once.
        let remaining: Int
        /// Seconds until one more call than these is admitted; 0 when the bucket is full.
        let nextIn: Int
    }

    /// The policy's name, as clients see it.
    private let name: String
    private let limit: RateLimit
    /// Nanoseconds in which one call comes back.
    private let interval: UInt64
    private let burst: UInt64
    private let table: Mutex<BucketTable>
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - capacity: how many callers are remembered; 32 bytes each, taken at once.
    ///   - now: nanoseconds of a clock that only goes forward.
    init(_ name: String, _ limit: RateLimit, capacity: Int = 65_536, now: @escaping @Sendable () -> UInt64) {
        self.name = name
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
            let isAllowed = after - time <= burst
            if isAllowed { table.keep(key, fullAt: after) }
            let owed = (isAllowed ? after : before) - time
            let remaining = (burst - owed) / interval
            let next = owed == 0 ? 0 : owed - (burst - (remaining + 1) * interval)
            return Verdict(isAllowed: isAllowed, remaining: Int(remaining), nextIn: Self.seconds(next))
        }
    }

    /// Takes a call back, as if it had never been made.
    func giveBack(_ key: BucketKey) {
        table.withLock { table in
            let fullAt = table.fullAt(key)
            if fullAt >= interval { table.keep(key, fullAt: fullAt - interval) }
        }
    }

    /// The same as headers (draft-ietf-httpapi-ratelimit-headers-11), or 429.
    func charge(_ key: BucketKey) throws(Problem) -> HTTPFields {
        let verdict = take(key)
        let headers: HTTPFields = [
            .rateLimitPolicy: "\"\(name)\";q=\(limit.count);w=\(limit.window.components.seconds)",
            .rateLimit: "\"\(name)\";r=\(verdict.remaining);t=\(verdict.nextIn)",
        ]
        guard verdict.isAllowed else { throw .rateLimited(policy: name, retryAfter: verdict.nextIn, headers: headers) }
        return headers
    }

    /// Rounded up: a caller who comes back then is admitted.
    private static func seconds(_ nanoseconds: UInt64) -> Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}

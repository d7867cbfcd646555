import HTTPContract
import HTTPTypes
import Synchronization

/// The buckets of one limit in this process: `count` calls at once, then one every `window / count`.
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
    let name: String
    let rule: GCRA
    let now: @Sendable () -> UInt64
    let table: Mutex<BucketTable>
    private let limit: RateLimit

    /// - Parameters:
    ///   - capacity: how many callers are remembered; 48 bytes each, taken at once.
    ///   - now: nanoseconds of a clock that only goes forward.
    init(_ name: String, _ limit: RateLimit, capacity: Int = 65_536, now: @escaping @Sendable () -> UInt64) {
        self.name = name
        self.limit = limit
        rule = GCRA(limit)
        table = Mutex(BucketTable(capacity: capacity))
        self.now = now
    }

    /// Takes calls out of the caller's bucket, one unless said otherwise, if all of them are in it.
    /// - Parameter gateways: how many share the limit.
    func take(_ key: BucketKey, calls: Int = 1, ofGateways gateways: Int = 1) -> Verdict {
        let rule = rule.share(ofGateways: gateways)
        let time = now()
        return table.withLock { table in
            var bucket = table[key]
            let owed = max(bucket.fullAt, time) - time
            guard let after = rule.debt(after: calls, owing: owed) else { return rule.verdict(false, owing: owed, for: calls) }
            bucket.fullAt = time + after
            table[key] = bucket
            return rule.verdict(true, owing: after)
        }
    }

    /// So many calls, or as many as a full bucket has beside the one that brings them.
    func bounded(_ calls: Int, ofGateways gateways: Int = 1) -> Int {
        let rule = rule.share(ofGateways: gateways)
        return min(calls, max(0, Int(rule.burst / rule.interval) - 1))
    }

    /// Takes a call back, as if it had never been made.
    func giveBack(_ key: BucketKey, ofGateways gateways: Int = 1) {
        let interval = rule.share(ofGateways: gateways).interval
        table.withLock { table in
            var bucket = table[key]
            guard bucket.fullAt >= interval else { return }
            bucket.fullAt -= interval
            table[key] = bucket
        }
    }

    /// A verdict as headers (draft-ietf-httpapi-ratelimit-headers-11), or 429.
    func headers(for verdict: Verdict) throws(Problem) -> HTTPFields {
        let headers: HTTPFields = [
            .rateLimitPolicy: "\"\(name)\";q=\(limit.count);w=\(limit.window.components.seconds)",
            .rateLimit: "\"\(name)\";r=\(verdict.remaining);t=\(verdict.nextIn)",
        ]
        guard verdict.isAllowed else { throw .rateLimited(policy: name, retryAfter: verdict.nextIn, headers: headers) }
        return headers
    }
}

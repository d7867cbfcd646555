import Synchronization

/// A gateway's memory of buckets that live in Redis: the last answer for each caller, and calls that are paid for.
///
/// A caller that comes again and again is leased 4 to 32 calls at once, so most of its calls touch no network. They are charged when they are leased:
/// all gateways together never admit more than the limit. A lease that is not used in time is given back.
extension RateLimiter {
    /// Redis is asked again within this time: the caller is a busy one.
    private static let succession: UInt64 = 100_000_000
    /// How long a refusal is known without asking, and calls are kept for a caller who does not come.
    static let freshness: UInt64 = 250_000_000

    enum Local: Equatable {
        case verdict(Verdict)
        /// To be asked of Redis: so many calls, for someone who owes so much at least.
        case ask(calls: Int, least: UInt64)
    }

    /// Answers from what is known here, if it can.
    /// - Parameter epoch: of the present connection. What was known before it may be unknown to Redis, which could have lost its memory.
    func takeLeased(_ key: BucketKey, epoch: UInt16) -> Local {
        table.withLock { table in
            // Read under the lock, or an answer could come from the future.
            let time = now()
            var bucket = table[key]
            let owed = max(bucket.fullAt, time) - time
            guard bucket.answeredAt > 0, bucket.epoch == epoch else { return .ask(calls: 1, least: min(owed, rule.burst)) }
            if bucket.leased > 0 {
                bucket.leased -= 1
                table[key] = bucket
                return .verdict(rule.verdict(true, owing: owed - min(owed, UInt64(bucket.leased) * rule.interval)))
            }
            let isFresh = time - bucket.answeredAt < Self.freshness
            if isFresh, !rule.allows(owing: owed) { return .verdict(rule.verdict(false, owing: owed)) }
            bucket.asks = time - bucket.answeredAt < Self.succession ? min(bucket.asks + 1, 6) : 0
            // One that runs beside it asks for itself alone.
            let calls = bucket.asks < 3 || bucket.isLeasing ? 1 : 1 << (bucket.asks - 1)
            if calls > 1 { bucket.isLeasing = true }
            table[key] = bucket
            return .ask(calls: calls, least: 0)
        }
    }

    /// Takes Redis's answer. True when it leases calls to someone who had none.
    func learn(_ key: BucketKey, given: Int, owing owed: UInt64, epoch: UInt16) -> (verdict: Verdict, isNewLease: Bool) {
        table.withLock { table in
            let time = now()
            var bucket = table[key]
            if bucket.epoch != epoch { bucket.leased = 0 }
            let isNewLease = bucket.leased == 0 && given > 1
            bucket.leased += UInt16(max(0, given - 1))
            bucket.fullAt = time + owed
            bucket.answeredAt = time
            bucket.epoch = epoch
            bucket.isLeasing = false
            table[key] = bucket
            let held = UInt64(bucket.leased) * rule.interval
            return (rule.verdict(given > 0, owing: owed - min(owed, held)), isNewLease)
        }
    }

    enum Lapse { case nothing, notYet, unused(Int) }

    /// Ends a lease whose time is over. The unused calls are to be given back.
    func lapse(_ key: BucketKey) -> Lapse {
        table.withLock { table in
            let time = now()
            var bucket = table[key]
            guard bucket.leased > 0 else { return .nothing }
            guard time - bucket.answeredAt >= Self.freshness else { return .notYet }
            let unused = Int(bucket.leased)
            bucket.leased = 0
            bucket.fullAt -= min(bucket.fullAt, UInt64(unused) * rule.interval)
            table[key] = bucket
            return .unused(unused)
        }
    }
}

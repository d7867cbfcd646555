import Redis
import Synchronization

extension SharedLimits {
    /// Takes several calls out of one bucket, or none: what was given of too many is given back.
    func take(_ calls: Int, of limiter: RateLimiter, _ key: BucketKey) async -> RateLimiter.Verdict {
        let ask = Ask(limiter: limiter, key: key)
        guard let epoch = state.withLock({ $0.epoch }) else {
            return limiter.take(key, calls: limiter.bounded(calls, ofGateways: gateways), ofGateways: gateways)
        }
        let wanted = limiter.bounded(calls)
        var given = 0
        var owed: UInt64 = 0
        do throws(RedisError) {
            // A bucket gives half of what it has at a time.
            while given < wanted {
                let reply = try await draw(wanted - given, from: ask)
                owed = reply.owed
                if reply.given == 0 { break }
                given += reply.given
            }
        } catch {
            if error != .cancelled { goAlone(error, epoch) }
            return limiter.take(key, calls: limiter.bounded(calls, ofGateways: gateways), ofGateways: gateways)
        }
        guard given < wanted else { return limiter.rule.verdict(true, owing: owed) }
        if given > 0 { await giveBack(given, ask) }
        return limiter.rule.verdict(false, owing: owed - min(owed, UInt64(given) * limiter.rule.interval), for: wanted)
    }

    /// Asks Redis for calls of one bucket: how many it gives, and what is owed then.
    private func draw(_ calls: Int, from ask: Ask) async throws(RedisError) -> (given: Int, owed: UInt64) {
        let rule = ask.limiter.rule
        let reply = try await redis.run(
            LimitScripts.charge, keys: [ask.redisKey], arguments: ["\(rule.interval)", "\(rule.burst)", "\(calls)", "0"], within: settings.patience)
        guard let numbers = reply.array?.compactMap(\.integer), numbers.count == 2 else { throw .unreadable("numbers of calls were expected") }
        return (Int(numbers[0]), UInt64(max(0, numbers[1])))
    }
}

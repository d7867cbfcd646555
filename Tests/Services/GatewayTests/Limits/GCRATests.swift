import TestSupport
import Testing

@testable import Gateway

@Suite struct `The arithmetic of a limit` {
    /// The textbook's bucket: tokens that come back with time. Counted in the time that a token takes, so that nothing is rounded.
    private struct TokenBucket {
        let interval: UInt64
        let count: UInt64
        var tokens: UInt64
        var last: UInt64

        mutating func take(at time: UInt64) -> Bool {
            tokens = min(count * interval, tokens + (time - last))
            last = time
            guard tokens >= interval else { return false }
            tokens -= interval
            return true
        }
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>) func `admits what a token bucket admits, whatever comes when`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let count = Int.random(in: 1...50, using: &random)
        let limit = try #require(RateLimit(count, in: .seconds(.random(in: 1...100, using: &random))))
        let clock = HandClock()
        let limiter = RateLimiter("default", limit, capacity: 8, now: clock.reading)
        let rule = GCRA(limit)
        var model = TokenBucket(interval: rule.interval, count: UInt64(count), tokens: rule.burst, last: clock.reading())
        for step in 1...1000 {
            if Bool.random(using: &random) { clock.advance(.nanoseconds(Int64.random(in: 0...Int64(rule.interval * 2), using: &random))) }
            let verdict = limiter.take(.unknown)
            #expect(verdict.isAllowed == model.take(at: clock.reading()), "seed \(seed), step \(step)")
            #expect(verdict.remaining == Int(model.tokens / rule.interval), "seed \(seed), step \(step)")
            guard !verdict.isAllowed else { continue }
            // The time that it says is enough, and no second too many.
            #expect(model.tokens + UInt64(verdict.nextIn) * 1_000_000_000 >= rule.interval, "seed \(seed), step \(step)")
            #expect(model.tokens + UInt64(verdict.nextIn - 1) * 1_000_000_000 < rule.interval, "seed \(seed), step \(step)")
        }
    }

    @Test(arguments: [(100, 1, 100), (100, 2, 50), (100, 3, 33), (10, 4, 2), (3, 4, 1), (1, 50, 1)])
    func `gives each gateway its part, and one call at least`(row: (count: Int, gateways: Int, part: Int)) throws {
        let clock = HandClock()
        let limiter = RateLimiter("default", try #require(RateLimit(row.count, in: .seconds(60))), capacity: 8, now: clock.reading)
        for time in 1...2 {
            let before = limiter.rule.share(ofGateways: row.gateways)
            #expect(before.verdict(true, owing: 0).remaining == row.part && before.verdict(true, owing: 0).nextIn == 0)
            for left in (0..<row.part).reversed() {
                #expect(limiter.take(.unknown, ofGateways: row.gateways).remaining == left, "time \(time)")
            }
            let refused = limiter.take(.unknown, ofGateways: row.gateways)
            #expect(!refused.isAllowed && refused.nextIn > 0)
            clock.advance(.seconds(refused.nextIn))
            #expect(limiter.take(.unknown, ofGateways: row.gateways).isAllowed)
            clock.advance(.seconds(60))
        }
    }

    @Test func `takes the same part of a quota for spent, whoever counts it`() throws {
        let clock = HandClock()
        let limiter = RateLimiter("default", try #require(RateLimit(100, in: .seconds(60))), capacity: 8, now: clock.reading)
        for _ in 1...50 { _ = limiter.take(.unknown) }
        #expect(limiter.take(.unknown, ofGateways: 2).remaining == 24)
    }
}

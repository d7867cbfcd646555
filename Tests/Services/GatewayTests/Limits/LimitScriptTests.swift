import Redis
import TestSupport
import Testing

@testable import Gateway

/// The script, with a clock of the test's in place of Redis's own. Windows are long: Redis forgets keys by its own clock all the same.
@Suite(.timeLimit(.minutes(5))) struct `The script of the shared limits` {
    private let script = RedisScript(LimitScripts.charging(clock: "{ARGV[#ARGV - 1], ARGV[#ARGV]}"))
    private let clock = HandClock()

    private func run(_ redis: RedisClient, _ buckets: [(key: String, rule: GCRA, wanted: Int, least: UInt64)]) async throws -> [Int64] {
        let arguments = buckets.flatMap { ["\($0.rule.interval)", "\($0.rule.burst)", "\($0.wanted)", "\($0.least)"] }
        // Some year, so that seconds have as many digits as they really have.
        let time = clock.reading() + 1_780_000_000_000_000_000
        let moment = ["\(time / 1_000_000_000)", "\(time % 1_000_000_000 / 1000)"]
        let reply = try await redis.run(script, keys: buckets.map(\.key), arguments: arguments + moment, within: .seconds(30))
        return reply.array?.compactMap(\.integer) ?? []
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>) func `decides as memory does, for any sequence`(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        let count = Int.random(in: 1...40, using: &random)
        let limit = try #require(RateLimit(count, in: .seconds(.random(in: 36_000...86_400, using: &random))))
        let limiter = RateLimiter("default", limit, capacity: 8, now: clock.reading)
        try await withClient { (redis) async throws in
            for step in 1...300 {
                let time = UInt64.random(in: 0...limiter.rule.interval * 2, using: &random) / 1000 * 1000
                if Bool.random(using: &random) { clock.advance(.nanoseconds(Int64(time))) }
                if Int.random(in: 1...5, using: &random) == 1 {
                    limiter.giveBack(.unknown)
                    _ = try await run(redis, [("k", limiter.rule, -1, 0)])
                } else {
                    let reply = try await run(redis, [("k", limiter.rule, 1, 0)])
                    let verdict = limiter.rule.verdict(reply[0] > 0, owing: UInt64(reply[1]))
                    #expect(verdict == limiter.take(.unknown), "seed \(seed), step \(step)")
                }
            }
        }
    }

    @Test func `gives several calls at once while that is no more than half of what is left`() async throws {
        let rule = GCRA(try #require(RateLimit(100, in: .seconds(86_400))))
        try await withClient { (redis) async throws in
            var given: [Int64] = []
            while given.last != 0 { given.append(try await run(redis, [("k", rule, 32, 0)])[0]) }
            #expect(given == [32, 32, 18, 9, 4, 2, 1, 1, 1, 0])
        }
    }

    @Test func `charges buckets in turn, up to the first that is empty`() async throws {
        let two = GCRA(try #require(RateLimit(2, in: .seconds(86_400))))
        let one = GCRA(try #require(RateLimit(1, in: .seconds(86_400))))
        try await withClient { (redis) async throws in
            let both = [("two", two, 1, UInt64(0)), ("one", one, 1, 0)]
            #expect(try await run(redis, both) == [1, Int64(two.interval), 1, Int64(one.interval)])
            #expect(try await run(redis, both) == [1, Int64(2 * two.interval), 0, Int64(one.interval)])
            #expect(try await run(redis, both) == [0, Int64(2 * two.interval)])
        }
    }

    @Test func `believes a debt that it has forgotten, and no debt beyond an empty bucket`() async throws {
        let rule = GCRA(try #require(RateLimit(4, in: .seconds(86_400))))
        try await withClient { (redis) async throws in
            #expect(try await run(redis, [("k", rule, 1, 3 * rule.interval)]) == [1, Int64(rule.burst)])
            #expect(try await run(redis, [("k", rule, 1, 0)]) == [0, Int64(rule.burst)])
            // Redis's clock was set back by a day.
            _ = try await redis.send(RedisCommand("SET", "k", "1980000000.000000000"), within: .seconds(30))
            #expect(try await run(redis, [("k", rule, 1, 0)]) == [0, Int64(rule.burst)])
        }
    }

    @Test func `keeps nothing for a full bucket, and anything else until it is full`() async throws {
        let rule = GCRA(try #require(RateLimit(4, in: .seconds(3600))))
        try await withClient { (redis) async throws in
            _ = try await run(redis, [("k", rule, 1, 0)])
            let left = try await redis.send(RedisCommand("PTTL", "k"), within: .seconds(30)).integer ?? 0
            #expect((1...900_000).contains(left))
            _ = try await run(redis, [("k", rule, -1, 0)])
            #expect(try await redis.send(RedisCommand("EXISTS", "k"), within: .seconds(30)) == .integer(0))
        }
    }
}

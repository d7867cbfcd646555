import Redis
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A limit that gateways share` {
    private let clock = HandClock()
    private let ann = BucketKey.address("203.0.113.1")

    private func limiter(_ count: Int) throws -> RateLimiter {
        RateLimiter("default", try #require(RateLimit(count, in: .seconds(86_400))), capacity: 64, now: clock.reading)
    }

    /// How many charges the server has run.
    private func charges(_ redis: RedisClient) async throws -> Int {
        let reply = try await redis.send(RedisCommand("INFO", "commandstats"), within: .seconds(30))
        // A charge reads its bucket, and nothing else in these tests reads.
        let line = reply.text?.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_get:") }
        return line?.dropFirst("cmdstat_get:calls=".count).split(separator: ",").first.flatMap { Int($0) } ?? 0
    }

    /// The calls that a bucket in Redis lacks. Time passes for Redis, so the oldest one is on its way back.
    private func callsOwed(_ redis: RedisClient, _ key: String, _ rule: GCRA) async throws -> Int {
        let fullAt = try await redis.send(RedisCommand("GET", key), within: .seconds(30)).text.flatMap { Double($0) } ?? 0
        let time = try await redis.send(RedisCommand("TIME"), within: .seconds(30)).array?.first?.text.flatMap { Double($0) } ?? 0
        return Int(((fullAt - time) * 1e9 / Double(rule.interval)).rounded(.up))
    }

    @Test func `is exact, however many call at once at however many gateways`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server) { (gateways) async throws in
                let asks = try gateways.map { _ in SharedLimits.Ask(limiter: try limiter(250), key: ann) }
                let admitted = Tally()
                await withTaskGroup { group in
                    for (gateway, ask) in zip(gateways, asks) {
                        for _ in 1...40 {
                            group.addTask {
                                for _ in 1...20 where await gateway.take([ask])[0].isAllowed { admitted.add() }
                            }
                        }
                    }
                }
                #expect(admitted.count <= 250)
                // Calls that were leased and not used come back, and not one call is lost or doubled.
                try await eventually {
                    clock.advance(.milliseconds(300))
                    for (gateway, ask) in zip(gateways, asks) where await gateway.take([ask])[0].isAllowed { admitted.add() }
                    return admitted.count >= 250
                }
                for _ in 1...20 {
                    clock.advance(.milliseconds(300))
                    for (gateway, ask) in zip(gateways, asks) { #expect(await !gateway.take([ask])[0].isAllowed) }
                }
                #expect(admitted.count == 250)
            }
        }
    }

    @Test func `costs a busy caller's calls no network, most of them`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(1, of: server) { (gateways) async throws in
                try await withClient(of: server) { (redis) async throws in
                    // None comes back for more than a minute.
                    let ask = SharedLimits.Ask(limiter: try limiter(1000), key: ann)
                    for call in 1...400 {
                        let verdict = await gateways[0].take([ask])[0]
                        #expect(verdict.isAllowed && verdict.remaining == 1000 - call)
                    }
                    #expect(try await charges(redis) < 25)
                    // The rest of the last lease goes back.
                    clock.advance(.milliseconds(300))
                    try await eventually { try await callsOwed(redis, "annals:limit:default:address:203.0.113.1", ask.limiter.rule) == 400 }
                }
            }
        }
    }

    @Test func `asks Redis for a caller who comes now and then, each time`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(1, of: server) { (gateways) async throws in
                try await withClient(of: server) { (redis) async throws in
                    let ask = SharedLimits.Ask(limiter: try limiter(10_000), key: ann)
                    for _ in 1...10 {
                        _ = await gateways[0].take([ask])
                        clock.advance(.milliseconds(200))
                    }
                    #expect(try await charges(redis) == 10)
                }
            }
        }
    }

    @Test func `remembers a refusal for a moment`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(1, of: server) { (gateways) async throws in
                try await withClient(of: server) { (redis) async throws in
                    let ask = SharedLimits.Ask(limiter: try limiter(1), key: ann)
                    #expect(await gateways[0].take([ask])[0].isAllowed)
                    for _ in 1...10 { #expect(await !gateways[0].take([ask])[0].isAllowed) }
                    #expect(try await charges(redis) == 1)
                    clock.advance(.milliseconds(300))
                    #expect(await !gateways[0].take([ask])[0].isAllowed)
                    #expect(try await charges(redis) == 2)
                }
            }
        }
    }

    @Test func `charges several buckets in one call, and none after the first that is empty`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server) { (gateways) async throws in
                let first = SharedLimits.Ask(limiter: try limiter(1), key: ann)
                let second = SharedLimits.Ask(
                    limiter: RateLimiter("login", try #require(RateLimit(2, in: .seconds(86_400))), now: clock.reading), key: ann)
                #expect(await gateways[0].take([first, second]).map(\.isAllowed) == [true, true])
                #expect(await gateways[1].take([first, second]).map(\.isAllowed) == [false])
                let last = await gateways[1].take([second])[0]
                // In seconds, of which some may have gone by.
                #expect(last.isAllowed && last.remaining == 0 && 42_900...43_200 ~= last.nextIn)
            }
        }
    }

    @Test func `takes several calls, all of them or none`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server) { (gateways) async throws in
                let (one, other) = (try limiter(10), try limiter(10))
                let first = await gateways[0].take(6, of: one, ann)
                #expect(first.isAllowed && first.remaining == 4)
                let second = await gateways[1].take(6, of: other, ann)
                #expect(!second.isAllowed && second.remaining == 4)
                #expect(await gateways[1].take(4, of: other, ann).isAllowed)
                #expect(await !gateways[0].take(1, of: one, ann).isAllowed)
            }
        }
    }

    @Test func `takes a call back`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server) { (gateways) async throws in
                let asks = try gateways.map { _ in SharedLimits.Ask(limiter: try limiter(1), key: ann) }
                #expect(await gateways[0].take([asks[0]])[0].isAllowed)
                await gateways[0].giveBack(asks[0].limiter, ann)
                #expect(await gateways[1].take([asks[1]])[0].isAllowed)
                #expect(await !gateways[0].take([asks[0]])[0].isAllowed)
            }
        }
    }

    @Test func `knows how many gateways there are, and when one goes`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(1, of: server) { first in
                try await withGateways(2, of: server, expecting: 3) { _ in
                    try await eventually { first[0].gateways == 3 }
                }
                try await eventually { first[0].gateways == 1 }
            }
        }
    }
}

import CoreMetrics
import HTTPContract
import HTTPTypes
import Logging
import MetricsTestKit
import Redis
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(5))) struct `A shared limit without Redis` {
    private let clock = HandClock()
    private let ann = BucketKey.address("203.0.113.1")

    private func ask(_ count: Int, _ key: BucketKey? = nil) throws -> SharedLimits.Ask {
        let limit = try #require(RateLimit(count, in: .seconds(86_400)))
        return SharedLimits.Ask(limiter: RateLimiter("default", limit, capacity: 1024, now: clock.reading), key: key ?? ann)
    }

    private func admitted(_ gateway: SharedLimits, _ ask: SharedLimits.Ask) async -> Int {
        for count in 0..<1000 where await !gateway.take([ask])[0].isAllowed { return count }
        return 1000
    }

    @Test func `is this gateway's part of it, by the settings where Redis never was`() async throws {
        var settings = SharedLimits.Settings.earnest
        settings.gateways = 4
        let client = RedisClient(try #require(RedisTarget("redis://127.0.0.1:1")), logger: .silent)
        let limits = SharedLimits(client, settings, logger: .silent)
        #expect(await admitted(limits, try ask(100)) == 25)
    }

    @Test func `is this gateway's part of it while Redis hangs, and all of it again afterwards`() async throws {
        let log = SpokenLog()
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server, logger: log.logger, settings: .earnest) { (gateways) async throws in
                let limiter = try ask(100).limiter
                server.pause()
                // Each returns before the server goes on.
                let counts = await withTaskGroup { group in
                    for number in 0..<20 {
                        group.addTask {
                            await admitted(gateways[0], SharedLimits.Ask(limiter: limiter, key: .address("198.51.100.\(number)")))
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                #expect(counts == Array(repeating: 50, count: 20))
                #expect(!gateways[0].isInUse)
                server.resume()
                try await eventually { gateways[0].isInUse && gateways[1].isInUse }
                // Told after it is so.
                try await eventually { log.lines(at: .warning).contains { $0.contains("rate limits are not shared") && $0.contains("gateways=2") } }
                try await eventually { log.lines(at: .info).contains { $0.contains("rate limits are shared again") } }
            }
        }
    }

    @Test func `is told of once, and counted`() async throws {
        let log = SpokenLog()
        let metrics = TestMetrics()
        let client = RedisClient(try #require(RedisTarget("redis://127.0.0.1:1")), logger: .silent)
        let limits = SharedLimits(client, .earnest, logger: log.logger, metrics: metrics)
        let ask = try ask(100)
        await withThrowingTaskGroup { group in
            group.addTask { try await limits.run() }
            #expect(await log.line(with: "rate limits are not shared") != nil)
            for _ in 1...7 { _ = await limits.take([ask]) }
            group.cancelAll()
        }
        #expect(log.lines(at: .warning).count == 1)
        #expect(try metrics.expectCounter("annals_rate_limit_falls_total").values == [1])
        #expect(try metrics.expectCounter("annals_rate_limit_local_calls_total").values == Array(repeating: 1, count: 7))
    }

    @Test func `goes on from what each caller has used`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server) { (gateways) async throws in
                let ask = try ask(100)
                for _ in 1...60 { _ = await gateways[0].take([ask]) }
                server.kill()
                // A lease of up to 32 calls is charged for already. It may still be used, or have ended with the connection.
                let left = await admitted(gateways[0], ask)
                #expect(!gateways[0].isInUse)
                #expect((4...36).contains(left))
                // Redis has forgotten all of it, and is told.
                try await server.start()
                try await eventually { gateways[0].isInUse }
                clock.advance(.milliseconds(300))
                // Less than two shares of a call may be left.
                #expect(await admitted(gateways[0], ask) <= 1)
            }
        }
    }

    @Test func `fails no call, whatever happens to Redis meanwhile`() async throws {
        try await RedisServer.with { (server) async throws in
            try await withGateways(2, of: server, settings: .earnest) { (gateways) async throws in
                let served = Tally()
                let stops = Tally()
                let settings = RateLimitSettings(calls: RateLimit(50, in: .seconds(60)), logins: nil, registrations: nil)
                let limits = gateways.map { RateLimits(settings, shared: $0) }
                try await withThrowingTaskGroup { group in
                    for number in 0..<8 {
                        let gateway = SpiedGateway(limits: limits[number % 2])
                        group.addTask {
                            var calls = 0
                            while stops.count == 0, !Task.isCancelled {
                                calls += 1
                                var context = CallContext(logger: .silent, requestID: "", traceparent: "")
                                context.clientAddress = "198.51.\(calls % 7).\(number)"
                                let answer = try await gateway.answer(.get, "/api/v1/posts", context: context)
                                #expect(answer.status == 200 || answer.status == 429)
                                #expect(answer.headers[.rateLimit] != nil)
                                served.add()
                                // A call that asks nobody gives nobody else a turn.
                                await Task.yield()
                            }
                        }
                    }
                    func serveSome() async throws {
                        let target = served.count + 100
                        try await eventually { served.count >= target }
                    }
                    try await serveSome()
                    for _ in 1...2 {
                        server.pause()
                        try await serveSome()
                        server.resume()
                        try await eventually { limits.allSatisfy(\.areShared) }
                        try await serveSome()
                        server.kill()
                        try await serveSome()
                        try await eventually { !limits.contains(where: \.areShared) }
                        try await server.start()
                        try await eventually { limits.allSatisfy(\.areShared) }
                        try await serveSome()
                    }
                    stops.add()
                    try await group.waitForAll()
                }
            }
        }
    }
}

import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `Limits that are shared by Redis` {
    @Test func `fail no call when Redis stands still, dies and comes back`() async throws {
        try await RedisServer.with { redis in
            let settings = ["ANNALS_REDIS_URL": redis.url, "ANNALS_RATE_LIMIT": "1000000/60s"]
            try await withSystem(environment: settings, isLimited: true, isApart: true) { system, anyone in
                try await Traffic.run(["http://127.0.0.1:\(system.port)"], as: anyone.signedUp("ann")) { traffic in
                    try await traffic.succeed()
                    redis.pause()
                    try await traffic.succeed(40)
                    redis.resume()
                    try await traffic.succeed()
                    redis.kill()
                    try await traffic.succeed(40)
                    try await redis.start()
                    try await traffic.succeed(40)
                    let outcomes = traffic.take()
                    let bad = outcomes.filter { !$0.isGood }
                    #expect(bad.isEmpty, "\(bad)")
                    // All were limited meanwhile.
                    #expect(outcomes.allSatisfy { $0.kind == .keys || $0.hasLimit })
                }
            }
        }
    }
}

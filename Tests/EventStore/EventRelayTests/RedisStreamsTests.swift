import CoreMetrics
import EventLog
import EventLogTesting
import EventRelay
import EventSourcing
import Foundation
import JSON
import Logging
import MetricsTestKit
import Publishing
import Redis
import Subscribers
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(isLongRun ? 60 : 15))) struct `Redis Streams` {
    private func expectAll(_ forwarding: RedisForwarding, _ last: Int64) async throws {
        let positions = try await forwarding.positions()
        #expect(positions.values.allSatisfy { $0 == $0.sorted() })
        #expect(positions.values.flatMap(\.self).sorted() == Array(1...last))
    }

    @Test func `have every event under its position, a stream a category, sealed`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(9, content: "a text of somebody's")
            try await forwarding.relayed.log.storedForm { stored in try await forwarding.forward(of: stored, until: 9) }
            try await expectAll(forwarding, 9)
            let events = try await forwarding.relayed.log.store.read(after: 0, limit: 100)
            for (position, event) in try await forwarding.entries(of: PostRules.category) {
                #expect(event["id"]?.text == events[Int(position) - 1].id.lowercased && event["type"]?.text == "annals.PostDrafted")
                #expect(event["data"]?["$sealed"] != nil && !event.serialized.contains("a text of somebody's"))
            }
        }
    }

    @Test func `have each position once and in order after kills of Redis and of the relay`() async throws {
        let rounds = isLongRun ? 30 : 4
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            for round in 1...Int64(rounds) {
                // Cancelled in the middle of its work.
                try await forwarding.forward(until: (round - 1) * 30 + 7) { try await forwarding.append(15) }
                try await forwarding.forward(until: round * 30) {
                    try await forwarding.append(5)
                    forwarding.server.kill()
                    try await forwarding.append(5)
                    try await forwarding.server.start()
                    try await forwarding.append(5)
                }
            }
            try await expectAll(forwarding, Int64(rounds) * 30)
        }
    }

    /// By a command, or because Redis has lost what it had.
    @Test(arguments: [true, false]) func `that were emptied get everything again while nothing happens, and the lag says so`(
        isKilled: Bool
    ) async throws {
        try await RedisForwarding.open(isDurable: false) { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(6)
            let (metrics, spoken) = (TestMetrics(), SpokenLog())
            try await withMetricsFactory(metrics) {
                try await forwarding.relayed.forward(to: forwarding.streams, logger: spoken.logger) { _ in
                    try await eventually { await ((try? forwarding.streams.lastPosition()) ?? 0) >= 6 }
                    if isKilled {
                        forwarding.server.kill()
                        try await forwarding.server.start()
                        try await forwarding.untilThere()
                    } else {
                        _ = try await forwarding.redis.send(RedisCommand("FLUSHALL"), within: .seconds(60))
                    }
                } until: {
                    let lag = try? metrics.expectRecorder("annals_relay_lag", [("sink", "redis")]).lastValue
                    return await ((try? forwarding.streams.lastPosition()) ?? 0) >= 6 && lag == 0
                }
            }
            try await expectAll(forwarding, 6)
            let lags = try metrics.expectRecorder("annals_relay_lag", [("sink", "redis")]).values
            #expect(lags.drop { $0 > 0 }.contains(6), "\(lags)")
            #expect(spoken.lines(at: .warning).contains { $0.contains("a sink is empty; it begins again") }, "\(spoken.text)")
        }
    }

    @Test func `that were emptied get everything again`() async throws {
        try await RedisForwarding.open(isDurable: false) { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(6)
            try await forwarding.forward(until: 9) {
                try await eventually { await ((try? forwarding.streams.lastPosition()) ?? 0) >= 6 }
                forwarding.server.kill()
                try await forwarding.server.start()
                try await forwarding.untilThere()
                try await forwarding.append(3)
            }
            try await expectAll(forwarding, 9)
        }
    }

    @Test func `begin at the end where the setting says so, and go on by their own last id whatever it says then`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(6)
            let head = 6 as Int64
            let streams = forwarding.streams
            try await forwarding.relayed.forward(to: streams, start: .end) { forwarder in
                try await eventually { forwarder.status == .working }
                while await ((try? streams.lastPosition()) ?? 0) < head + 1 { try await forwarding.append(1) }
            } until: {
                true
            }
            let first = try #require(try await forwarding.positions().values.flatMap(\.self).min())
            #expect(first > head)
            try await forwarding.append(3)
            let last = try await forwarding.relayed.log.store.head()
            try await forwarding.forward(start: .end, until: last)
            #expect(try await forwarding.positions().values.flatMap(\.self).sorted() == Array(first...last))
        }
    }

    @Test func `that began at the end lack nothing that happened while the relay was away`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(6)
            try await forwarding.relayed.forward(to: forwarding.streams, start: .end) { await forwarding.relayed.checkpoint(of: "redis") == 6 }
            try await forwarding.append(3)
            try await forwarding.forward(start: .end, until: 9)
            #expect(try await forwarding.positions().values.flatMap(\.self).sorted() == [7, 8, 9])
        }
    }

    @Test func `that began at the end and were emptied go on after the last event that they were sent`() async throws {
        try await RedisForwarding.open(isDurable: false) { forwarding in
            try await forwarding.untilThere()
            try await forwarding.relayed.forward(to: forwarding.streams, start: .end) { await forwarding.relayed.checkpoint(of: "redis") == 0 }
            try await forwarding.append(3)
            try await forwarding.relayed.forward(to: forwarding.streams, start: .end) { await forwarding.relayed.checkpoint(of: "redis") == 3 }
            forwarding.server.kill()
            try await forwarding.server.start()
            try await forwarding.untilThere()
            try await forwarding.append(3)
            try await forwarding.forward(start: .end, until: 6)
            #expect(try await forwarding.positions().values.flatMap(\.self).sorted() == [4, 5, 6])
        }
    }

    @Test func `lack an event that is too large, and have those after it`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(1)
            try await forwarding.append(1, content: String(repeating: "x", count: 5000))
            try await forwarding.append(1)
            try await forwarding.forward(maximumBytes: 4000, until: 3)
            #expect(try await forwarding.positions()[PostRules.category] == [1, 3])
        }
    }

    @Test func `lose what is too old, and slow groups are named before`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(300)
            try await forwarding.forward(until: 300)
            let key = RedisStreams.key(of: PostRules.category)
            _ = try await forwarding.redis.send(RedisCommand("XGROUP", "CREATE", key, "mailer", "0"), within: .seconds(120))
            func trimming(after time: Duration) -> StreamTrimming {
                StreamTrimming(
                    forwarding.streams, log: forwarding.relayed.log.store, age: .seconds(100_000), now: { Timestamp.now.advanced(by: time) },
                    logger: TestCluster.logger)
            }
            // Hours, so that the time that the test itself takes makes no difference.
            #expect(try await trimming(after: .zero).trim().isEmpty)
            #expect(try await trimming(after: .seconds(90_000)).trim().map(\.group) == ["mailer"])
            #expect(try await forwarding.positions()[PostRules.category]?.count == 200)
            _ = try await trimming(after: .seconds(200_000)).trim()
            // By whole nodes.
            #expect(try await forwarding.positions()[PostRules.category].map { $0.count < 200 } == true)
            #expect(try await forwarding.streams.lastPosition() == 300)
        }
    }
}

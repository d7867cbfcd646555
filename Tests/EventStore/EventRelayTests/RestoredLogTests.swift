import EventLogTesting
import EventRelay
import EventSourcing
import Foundation
import Logging
import Publishing
import Redis
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Redis beside a log that was restored` {
    /// Redis has an event at position 7 from before.
    private func lose(_ category: String, in forwarding: RedisForwarding, at position: Int64 = 7) async throws {
        _ = try await forwarding.redis.send(
            RedisCommand("XADD", RedisStreams.key(of: category), "\(position)-0", "event", #"{"id":"\#(UUID.v7().lowercased)"}"#),
            within: .seconds(120))
    }

    @Test(arguments: [PostRules.category, ViewRules.category])
    func `gets nothing from a log that has grown past its last event with others, and that is said`(category: String) async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(6)
            try await forwarding.forward(until: 6)
            try await lose(category, in: forwarding)
            try await forwarding.append(6)
            let before = try await forwarding.positions()
            let spoken = SpokenLog()
            try await forwarding.relayed.forward(to: forwarding.streams, logger: spoken.logger) {
                spoken.lines(at: .critical).contains { $0.contains("redis has another event at position 7 than the log") }
            }
            #expect(try await forwarding.positions() == before)
        }
    }

    @Test func `gets nothing from a log that ends before its last event, and that is said`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(3)
            try await lose(PostRules.category, in: forwarding)
            let spoken = SpokenLog()
            try await forwarding.relayed.forward(to: forwarding.streams, logger: spoken.logger) {
                spoken.lines(at: .critical).contains { $0.contains("redis has events up to position 7, and the log ends at 3") }
            }
            #expect(try await forwarding.positions().values.flatMap(\.self) == [7])
        }
    }

    @Test func `keeps its last entry, however old, so that it can tell`() async throws {
        try await RedisForwarding.open { forwarding in
            try await forwarding.untilThere()
            try await forwarding.append(300)
            try await forwarding.forward(until: 300)
            _ = try await StreamTrimming(
                forwarding.streams, log: forwarding.relayed.log.store, age: .seconds(1), now: { Timestamp.now.advanced(by: .seconds(100_000)) },
                logger: TestCluster.logger
            ).trim()
            let last = try await forwarding.relayed.eventIDs().last
            #expect(try await forwarding.streams.end() == .position(300, event: last))
        }
    }
}

import EventRelay
import EventSourcing
import Foundation
import JSON
import Publishing
import Redis
import TestSupport
import Testing

/// A log, a Redis, and what sends the events of the one to the other.
struct RedisForwarding: Sendable {
    let relayed: RelayedLog
    let server: RedisServer
    let redis: RedisClient

    /// - Parameter isDurable: Redis keeps what it has said that it has, also when it is killed.
    static func open(isDurable: Bool = true, _ body: @escaping @Sendable (RedisForwarding) async throws -> Void) async throws {
        try await RelayedLog.open { relayed in
            try await RedisServer.with(isDurable ? ["--appendonly", "yes", "--appendfsync", "always"] : []) { server in
                guard let target = RedisTarget(server.url) else { return }
                var limits = RedisLimits()
                // On a slow machine a server that is there must not be taken for one that is not.
                (limits.connecting, limits.patience) = (.seconds(120), .seconds(120))
                let redis = RedisClient(target, limits: limits, logger: TestCluster.logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await redis.run() }
                    defer { group.cancelAll() }
                    try await body(RedisForwarding(relayed: relayed, server: server, redis: redis))
                }
            }
        }
    }

    func append(_ count: Int, content: String = "C") async throws { try await relayed.append(count, content: content) }

    var streams: RedisStreams { RedisStreams(redis, catalog: .publishing) }

    /// Sends on until Redis has the position.
    func forward(
        of store: (any EventStore)? = nil, start: SinkStart = .beginning, maximumBytes: Int = EventForwarder.maximumBytes, until position: Int64,
        while body: @escaping @Sendable () async throws -> Void = {}
    ) async throws {
        try await relayed.forward(to: streams, of: store, start: start, maximumBytes: maximumBytes, while: { _ in try await body() }) {
            // While it is away there is no answer.
            await ((try? streams.lastPosition()) ?? 0) >= position
        }
    }

    /// The positions of all streams, each stream's in its order.
    func positions() async throws -> [String: [Int64]] {
        var positions: [String: [Int64]] = [:]
        for category in [PostRules.category, ViewRules.category] {
            positions[category] = try await entries(of: category).map(\.position)
        }
        return positions
    }

    func entries(of category: String) async throws -> [(position: Int64, event: JSONValue)] {
        let reply = try await redis.send(RedisCommand("XRANGE", RedisStreams.key(of: category), "-", "+"), within: .seconds(120))
        return try (reply.array ?? []).map { entry in
            let fields = entry.array?.last?.array?.compactMap(\.text) ?? []
            #expect(fields.first == "event")
            let id = entry.array?.first?.text ?? ""
            let position = try #require(Int64(id.dropLast(2)))
            return (position, try JSONValue.parse(Array((fields.last ?? "").utf8)))
        }
    }

    /// Waits until Redis answers.
    func untilThere() async throws {
        try await eventually { (try? await redis.send(RedisCommand("PING"), within: .seconds(1))) != nil }
    }
}

import EventSourcing
import Foundation
import JSON
import Logging
import NIOHTTP1
import Redis
import TestSupport
import Testing

private let isLong = ProcessInfo.processInfo.environment["ANNALS_TEST_LONG"] == "1"

/// Annals with both brokers, each of which keeps what it has confirmed.
private struct RelayingSystem: Sendable {
    let system: RunningSystem
    let redis: RedisServer
    let client: RedisClient
    let rabbitMQ: RabbitMQServer
    let anyone: Client

    static func open(_ body: @escaping @Sendable (RelayingSystem) async throws -> Void) async throws {
        try await RedisServer.with(["--appendonly", "yes", "--appendfsync", "always"]) { redis in
            try await RabbitMQServer.with { rabbitMQ in
                try await rabbitMQ.bind("all", to: "annals.events")
                let settings = [
                    "ANNALS_REDIS_URL": redis.url, "ANNALS_RELAY_REDIS": "true", "ANNALS_RABBITMQ_URL": rabbitMQ.url(),
                    "ANNALS_ACCESS_TOKEN_LIFETIME": "1d",
                ]
                let client = RedisClient(try #require(RedisTarget(redis.url)), logger: TestCluster.logger)
                try await withSystem(environment: settings, isApart: true) { system, anyone in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await client.run() }
                        defer { group.cancelAll() }
                        try await body(RelayingSystem(system: system, redis: redis, client: client, rabbitMQ: rabbitMQ, anyone: anyone))
                    }
                }
            }
        }
    }

    enum Victim: CaseIterable {
        case redis, rabbitMQ, relay, postgreSQL
    }

    /// kill -9. Returns when the next one runs.
    func kill(_ victim: Victim) async throws {
        switch victim {
        case .redis:
            redis.kill()
            try await redis.start()
        case .rabbitMQ:
            rabbitMQ.kill()
            try await rabbitMQ.start()
        case .relay:
            let killed = try #require(try system.services()["relay"]).pid
            Glibc.kill(killed, SIGKILL)
            try await eventually { try system.services()["relay"].map { $0.pid != killed } ?? false }
        case .postgreSQL:
            let killed = try system.killDatabase()
            try await eventually { ((try? system.postmaster()) ?? killed) != killed }
        }
    }

    /// The last position of the log; nil while its database is away.
    func head() async -> Int64? { Int64((try? await system.query("SELECT max(position) FROM log.events", in: "annals_log")) ?? "") }

    func hasAll() async -> Bool {
        guard let head = await head() else { return false }
        let lowest = try? await system.query("SELECT min(position) FROM relay.subscribers WHERE name LIKE 'sink-%'", in: "annals_log")
        return lowest == "\(head)"
    }

    /// The positions in each of the streams of Redis, in the stream's order.
    func positions() async throws -> [[Int64]] {
        try await eventually { (try? await client.send(RedisCommand("PING"), within: .seconds(60))) != nil }
        let keys = try await client.send(RedisCommand("KEYS", "annals:events:*"), within: .seconds(60)).array?.compactMap(\.text) ?? []
        var streams: [[Int64]] = []
        for key in keys {
            var positions: [Int64] = []
            var page: [RedisReply]
            repeat {
                let range = RedisCommand("XRANGE", key, "(\(positions.last ?? 0)-0", "+", "COUNT", "5000")
                page = try await client.send(range, within: .seconds(60)).array ?? []
                positions += page.compactMap { $0.array?.first?.text.flatMap { Int64($0.dropLast(2)) } }
            } while !page.isEmpty
            streams.append(positions)
        }
        return streams
    }
}

@Suite(.timeLimit(.minutes(isLong ? 240 : 10))) struct `The relay to both brokers` {
    @Test func `skips nothing through kills of Redis, of RabbitMQ, of itself and of PostgreSQL, while events are written`() async throws {
        try await RelayingSystem.open { relaying in
            let ann = try await relaying.anyone.signedUp("ann")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // A call may fail while something is away.
                    while !Task.isCancelled { _ = try? await ann.call(.POST, "/posts", json: #"{"title":"T","content":"x"}"#) }
                }
                defer { group.cancelAll() }
                for _ in 1...(isLong ? 25 : 1) {
                    for victim in RelayingSystem.Victim.allCases.shuffled() {
                        try await relaying.kill(victim)
                        var before: Int64?
                        try await eventually {
                            guard let head = await relaying.head() else { return false }
                            before = before ?? head
                            return head > (before ?? head) + 2
                        }
                    }
                }
                group.cancelAll()
                try await group.waitForAll()
            }
            try await eventually { await relaying.hasAll() }
            let ids = try await relaying.system.query("SELECT string_agg(id::text, ',' ORDER BY position) FROM log.events", in: "annals_log")
                .split(separator: ",").map(String.init)

            // Redis: every position once, in order.
            let streams = try await relaying.positions()
            #expect(streams.allSatisfy { $0 == $0.sorted() })
            #expect(streams.flatMap(\.self).sorted() == Array(1...Int64(ids.count)))
            // RabbitMQ: every event in order, once repeats are left out by their ids.
            var known: Set<String> = []
            let seen = try await relaying.rabbitMQ.messages(in: "all").map(\.id).filter { known.insert($0).inserted }
            #expect(seen == ids)
        }
    }
}

import EventSourcing
import Foundation
import JSON
import Logging
import NIOHTTP1
import Redis
import TestSupport
import Testing

/// Annals with both brokers, each of which keeps what it has confirmed.
private struct RelayingSystem: Sendable {
    let system: RunningSystem
    let redis: RedisServer
    let client: RedisClient
    let rabbitMQ: RabbitMQServer
    /// Of the gateway's metrics; the relay's are five further.
    let metrics: Int
    let anyone: Client

    static func open(_ body: @escaping @Sendable (RelayingSystem) async throws -> Void) async throws {
        try await RedisServer.with(["--appendonly", "yes", "--appendfsync", "always"]) { redis in
            try await RabbitMQServer.with { rabbitMQ in
                try await rabbitMQ.bind("all", to: "annals.events")
                let metrics = try ChildServer.freePort(inARow: 6)
                let settings = [
                    "ANNALS_REDIS_URL": redis.url, "ANNALS_RELAY_REDIS": "true", "ANNALS_RABBITMQ_URL": rabbitMQ.url(),
                    "ANNALS_ACCESS_TOKEN_LIFETIME": "1d", "ANNALS_METRICS_PORT": "\(metrics)",
                ]
                let client = RedisClient(try #require(RedisTarget(redis.url)), logger: TestCluster.logger)
                try await withSystem(environment: settings, isApart: true) { system, anyone in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await client.run() }
                        defer { group.cancelAll() }
                        try await body(
                            RelayingSystem(
                                system: system, redis: redis, client: client, rabbitMQ: rabbitMQ, metrics: metrics, anyone: anyone))
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
            // The log grows meanwhile, and the metrics tell.
            try await eventually { await lag(of: "rabbitmq") ?? 0 > 2 }
            try await rabbitMQ.start()
        case .relay:
            var killed: pid_t?
            try await eventually {
                killed = try system.services()["relay"]?.pid
                return killed.map { Glibc.kill($0, SIGKILL) == 0 } ?? false
            }
            try await eventually { try system.services()["relay"].map { $0.pid != killed } ?? false }
        case .postgreSQL:
            let killed = try system.killDatabase()
            try await eventually { ((try? system.postmaster()) ?? killed) != killed }
        }
    }

    /// How many events a broker is behind, as the relay's metrics say; nil while they don't.
    func lag(of sink: String) async -> Int64? {
        guard let answer = try? await Client(base: "").call(.GET, "http://127.0.0.1:\(metrics + 5)/metrics") else { return nil }
        let line = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").first {
            $0.hasPrefix("annals_relay_lag{sink=\"\(sink)\"}")
        }
        return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int64($0) }
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
        try await eventually { (try? await client.send(RedisCommand("PING"), within: .seconds(600))) != nil }
        let keys = try await client.send(RedisCommand("KEYS", "annals:events:*"), within: .seconds(600)).array?.compactMap(\.text) ?? []
        var streams: [[Int64]] = []
        for key in keys {
            var positions: [Int64] = []
            var page: [RedisReply]
            repeat {
                let range = RedisCommand("XRANGE", key, "(\(positions.last ?? 0)-0", "+", "COUNT", "5000")
                page = try await client.send(range, within: .seconds(600)).array ?? []
                positions += page.compactMap { $0.array?.first?.text.flatMap { Int64($0.dropLast(2)) } }
            } while !page.isEmpty
            streams.append(positions)
        }
        return streams
    }
}

@Suite(.timeLimit(.minutes(isLongRun ? 240 : longestTest))) struct `The relay to both brokers` {
    @Test func `skips nothing through kills of Redis, of RabbitMQ, of itself and of PostgreSQL, while events are written`() async throws {
        try await RelayingSystem.open { relaying in
            let ann = try await relaying.anyone.signedUp("ann")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // A call may fail while something is away.
                    for number in 1... {
                        if Task.isCancelled { return }
                        _ = try? await ann.call(.POST, "/posts", json: #"{"title":"Post \#(number)","content":"x"}"#)
                    }
                }
                defer { group.cancelAll() }
                for _ in 1...(isLongRun ? 25 : 1) {
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
            for sink in ["redis", "rabbitmq"] { try await eventually { await relaying.lag(of: sink) == 0 } }
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

import Logging
import Redis
import Synchronization
import TestSupport

@testable import Gateway

/// A connected client of a Redis of the test's own.
func withClient(_ body: (RedisClient) async throws -> Void) async throws {
    try await RedisServer.with { (server) async throws in try await withClient(of: server, body) }
}

func withClient(of server: RedisServer, _ body: (RedisClient) async throws -> Void) async throws {
    guard let target = RedisTarget(server.url) else { throw RedisError.unavailable("no target") }
    var limits = RedisLimits()
    limits.patience = .seconds(30)
    let client = RedisClient(target, limits: limits, logger: .silent)
    try await withThrowingTaskGroup { group in
        group.addTask { try await client.run() }
        defer { group.cancelAll() }
        try await eventually {
            do throws(RedisError) { return try await client.send(RedisCommand("PING"), within: .seconds(30)) == .text("PONG") } catch { return false }
        }
        try await body(client)
    }
}

/// The limits of several gateways on one Redis, each with a client of its own.
/// - Parameter all: how many there are with those that run already.
func withGateways(
    _ count: Int, of server: RedisServer, logger: Logger = .silent, settings: SharedLimits.Settings = .unhurried, expecting all: Int? = nil,
    _ body: ([SharedLimits]) async throws -> Void
) async throws {
    guard let target = RedisTarget(server.url) else { throw RedisError.unavailable("no target") }
    var limits = RedisLimits()
    // A server that hangs keeps its connections for a while, so that waits end at their own deadline.
    limits.patience = .seconds(30)
    let clients = (1...count).map { _ in RedisClient(target, limits: limits, logger: .silent) }
    let gateways = clients.map { SharedLimits($0, settings, logger: logger) }
    try await withThrowingTaskGroup { group in
        for client in clients { group.addTask { try await client.run() } }
        defer { group.cancelAll() }
        // These end first, and tell Redis.
        try await withThrowingTaskGroup { inner in
            for gateway in gateways { inner.addTask { try await gateway.run() } }
            defer { inner.cancelAll() }
            try await eventually { gateways.allSatisfy { $0.isInUse && $0.gateways == all ?? count } }
            try await body(gateways)
        }
    }
}

extension SharedLimits.Settings {
    /// Waits for Redis as long as it takes.
    static var unhurried: SharedLimits.Settings {
        var settings = SharedLimits.Settings()
        settings.patience = .seconds(30)
        settings.beat = .milliseconds(20)
        settings.lifetime = .seconds(60)
        settings.rest = .milliseconds(10)...(.milliseconds(50))
        settings.tick = .milliseconds(5)
        return settings
    }

    /// Waits a moment, as in earnest, though one that is long enough for a busy machine.
    static var earnest: SharedLimits.Settings {
        var settings = unhurried
        settings.patience = .milliseconds(100)
        return settings
    }
}

/// A count that many tasks keep.
final class Tally: Sendable {
    private let number = Atomic(0)

    var count: Int { number.load(ordering: .relaxed) }

    func add() { number.add(1, ordering: .relaxed) }
}

import Logging
import Redis
import TestSupport

/// A client of a Redis server of the test's own, connected.
func withRedis(
    _ options: [String] = [], limits: RedisLimits = .patient, logger: Logger = TestCluster.logger,
    target: @Sendable (RedisServer) -> RedisTarget? = { RedisTarget($0.url) }, _ body: (RedisClient, RedisServer) async throws -> Void
) async throws {
    try await RedisServer.with(options) { server in
        guard let target = target(server) else { throw RedisError.unavailable("no target") }
        let client = RedisClient(target, limits: limits, logger: logger)
        try await withThrowingTaskGroup { group in
            group.addTask { try await client.run() }
            defer { group.cancelAll() }
            try await client.untilConnected()
            try await body(client, server)
        }
    }
}

extension RedisLimits {
    /// Waits longer than a busy machine may keep a server from answering.
    static var patient: RedisLimits {
        var limits = RedisLimits()
        limits.connecting = .seconds(120)
        limits.patience = .seconds(120)
        return limits
    }
}

extension RedisClient {
    /// Waits long.
    func send(_ words: String...) async throws(RedisError) -> RedisReply {
        var command = RedisCommand()
        for word in words { command.append(word) }
        return try await send(command, within: .seconds(120))
    }

    func untilConnected() async throws {
        try await eventually {
            do throws(RedisError) { return try await send("PING") == .text("PONG") } catch {
                // One that gives up its connection because its own question is late tells all who wait that they are.
                if error == .timedOut { return false }
                guard case .unavailable = error else { throw error }
                return false
            }
        }
    }
}

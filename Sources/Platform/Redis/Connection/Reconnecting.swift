import Logging

/// Keeps one connection to a server, and makes a new one when it is lost.
struct Reconnecting: Sendable {
    let target: RedisTarget
    let limits: RedisLimits
    let logger: Logger

    /// Runs `body` with each connection in turn until cancelled or `body` throws; `body` returns when its connection has ended. An outage is told
    /// once.
    func run(
        onMessage: (@Sendable (String, String) -> Void)? = nil, _ body: (RedisConnection) async throws -> Void
    ) async throws {
        var failures = 0
        var isMissed = false
        while true {
            if let connection = try await connect(onMessage, &isMissed) {
                failures = 0
                defer { connection.close(.unavailable("the client has stopped")) }
                try await withTaskCancellationHandler {
                    try await body(connection)
                } onCancel: {
                    connection.close(.unavailable("the client has stopped"))
                }
            }
            try Task.checkCancellation()
            failures += 1
            try await Task.sleep(for: Self.delay(afterFailures: failures))
        }
    }

    /// - Parameter isMissed: whether the log has told of an outage.
    private func connect(_ onMessage: (@Sendable (String, String) -> Void)?, _ isMissed: inout Bool) async throws -> RedisConnection? {
        do throws(RedisError) {
            let connection = try await RedisConnection.open(target, limits, onMessage: onMessage)
            if isMissed { logger.info("Redis is there again", metadata: ["server": "\(target)"]) }
            isMissed = false
            return connection
        } catch {
            try Task.checkCancellation()
            let level: Logger.Level = isMissed ? .debug : .warning
            logger.log(level: level, "Redis can't be reached", metadata: ["server": "\(target)", "reason": "\(error)"])
            isMissed = true
            return nil
        }
    }

    /// Full jitter, so that many clients don't come back in step: nothing to 50 ms, 100 ms, 200 ms, … and never more than 2 s.
    static func delay(afterFailures failures: Int) -> Duration {
        let ceiling = min(.seconds(2), .milliseconds(50) * (1 << min(max(failures - 1, 0), 10)))
        return ceiling * Double.random(in: 0...1)
    }
}

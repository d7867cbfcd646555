package import Logging
import NIOCore
import Synchronization

/// A client of one Redis server: one connection, shared by all callers, made anew when it is lost.
///
/// Nobody waits for a connection. Without one a command fails at once, and callers decide what they do without Redis.
package final class RedisClient: Sendable {
    package let target: RedisTarget
    package var limits: RedisLimits { reconnecting.limits }
    private let reconnecting: Reconnecting
    private let connection = Mutex<RedisConnection?>(nil)

    package init(_ target: RedisTarget, limits: RedisLimits = RedisLimits(), logger: Logger) {
        self.target = target
        reconnecting = Reconnecting(target: target, limits: limits, logger: logger)
    }

    /// Sends a command and waits for its reply.
    /// - Parameters:
    ///   - limit: how long the reply is waited for.
    ///   - isFinal: sent and waited for by a task that is cancelled, too.
    package func send(_ command: RedisCommand, within limit: Duration, isFinal: Bool = false) async throws(RedisError) -> RedisReply {
        guard let connection = connection.withLock({ $0 }) else { throw .unavailable("there is no connection to \(target)") }
        return try await connection.send(command, within: limit, isFinal: isFinal)
    }

    /// Keeps the connection until cancelled.
    package func run() async throws {
        try await reconnecting.run { connection in
            self.connection.withLock { $0 = connection }
            defer { self.connection.withLock { $0 = nil } }
            await connection.untilEnd(limits: reconnecting.limits)
        }
    }
}

extension RedisConnection {
    /// Returns when the connection has ended, having asked now and then whether the server is there.
    func untilEnd(limits: RedisLimits) async {
        await withTaskGroup { group in
            group.addTask {
                do throws(RedisError) {
                    while true {
                        _ = try await self.send(RedisCommand("PING"), within: limits.patience)
                        // Ends early when cancelled, and then so does the next command.
                        do { try await Task.sleep(for: limits.pinging) } catch { throw .cancelled }
                    }
                } catch {
                    self.close(error)
                }
            }
            group.addTask { await self.waitForEnd() }
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForEnd() async {
        await withCheckedContinuation { continuation in channel.closeFuture.whenComplete { _ in continuation.resume() } }
    }
}

package import Logging

/// Listens to channels on a connection of its own, and comes back when that is lost.
package struct RedisSubscriber: Sendable {
    package enum Event: Sendable, Equatable {
        /// The channels are listened to, for the first time or again: messages may have been missed, so look at what they are about.
        case connected
        case message(channel: String, payload: String)
    }

    private let channels: [String]
    private let reconnecting: Reconnecting

    package init(_ target: RedisTarget, channels: [String], limits: RedisLimits = RedisLimits(), logger: Logger) {
        self.channels = channels
        reconnecting = Reconnecting(target: target, limits: limits, logger: logger)
    }

    /// Reports until cancelled or `onEvent` throws. Events come one after the other. Of messages that come faster than they are taken the newest are
    /// kept.
    package func run(_ onEvent: (Event) async throws -> Void) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(256))
        let onMessage: @Sendable (String, String) -> Void = { continuation.yield(.message(channel: $0, payload: $1)) }
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await reconnecting.run(onMessage: onMessage) { connection in
                    do throws(RedisError) {
                        for channel in channels {
                            _ = try await connection.send(RedisCommand("SUBSCRIBE", channel), within: reconnecting.limits.patience)
                        }
                    } catch {
                        return connection.close(error)
                    }
                    continuation.yield(.connected)
                    await connection.untilEnd(limits: reconnecting.limits)
                }
            }
            defer { group.cancelAll() }
            for await event in events { try await onEvent(event) }
            try Task.checkCancellation()
        }
    }
}

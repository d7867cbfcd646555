package import EventSourcing
package import Logging

/// Caps the streams in Redis by the age of their events, and warns while a slow group of consumers can still catch up.
package struct StreamTrimming: Sendable {
    private let streams: RedisStreams
    private let log: any EventStore
    private let age: Duration
    private let logger: Logger
    private let now: @Sendable () -> Timestamp

    /// - Parameter age: older events are removed.
    package init(
        _ streams: RedisStreams, log: any EventStore, age: Duration, now: @escaping @Sendable () -> Timestamp = { .now }, logger: Logger
    ) {
        self.streams = streams
        self.log = log
        self.age = age
        self.now = now
        self.logger = logger
    }

    /// Trims once a minute until cancelled.
    package func run() async throws {
        while true {
            do {
                _ = try await trim()
            } catch {
                try Task.checkCancellation()
                logger.debug("the streams could not be trimmed", metadata: ["reason": "\(error)"])
            }
            try await Task.sleep(for: .seconds(60))
        }
    }

    /// Trims, and returns the groups that lag by more than four fifths of the age.
    package func trim() async throws -> [RedisStreams.SlowGroup] {
        let time = now()
        let first = try await firstPosition(since: time.advanced(by: .zero - age))
        let warnAt = try await firstPosition(since: time.advanced(by: .zero - age * 0.8)) - 1
        let slow = try await streams.trim(before: first, warnAt: warnAt)
        for group in slow {
            logger.warning(
                "a group of consumers is slow and loses events that grow too old",
                metadata: ["stream": "\(group.stream)", "group": "\(group.group)", "position": "\(group.position)", "first": "\(first)"])
        }
        return slow
    }

    /// The position of the first event since a time, one past the head if there is none. Times never go back from one event to the next, so it is
    /// found by halving.
    private func firstPosition(since time: Timestamp) async throws -> Int64 {
        var (low, high): (Int64, Int64) = (1, try await log.head() + 1)
        while low < high {
            let middle = low + (high - low) / 2
            guard let event = try await log.read(after: middle - 1, limit: 1).first else { return high }
            if event.recordedAt < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

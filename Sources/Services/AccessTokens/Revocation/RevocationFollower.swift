package import EventSourcing
package import Logging
import Synchronization

/// Keeps a process's list of revocations in step with the auth service's feed: asks every few seconds, and at once when an auth service of the same
/// process signals.
package final class RevocationFollower: Sendable {
    /// Asks the feed for what came after a cursor; without one for everything that still matters.
    package typealias Feed = @Sendable (_ cursor: String?) async throws -> RevocationUpdate

    private static let pauseAfterFailure = Duration.seconds(1)

    private let list: RevocationList
    private let signal: Signal
    private let interval: Duration
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let feed: Feed
    private let cursor = Mutex<String?>(nil)

    /// - Parameters:
    ///   - signal: raised by an auth service of this process.
    ///   - interval: between two looks that nobody asked for.
    ///   - clock: what the interval is measured by.
    package init(
        _ list: RevocationList, signal: Signal = Signal(), interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger, feed: @escaping Feed
    ) {
        self.list = list
        self.signal = signal
        self.interval = interval
        self.clock = clock
        self.logger = logger
        self.feed = feed
    }

    /// Follows until cancelled.
    package func run() async throws {
        while true {
            if await look() {
                _ = try await isDone(within: interval, by: clock) { [signal] in try await signal.wait() }
            } else {
                try await clock.sleep(for: Self.pauseAfterFailure)
            }
        }
    }

    /// Asks once. False when the feed did not answer: then the list stays as it is, and its age tells that it does not know.
    @discardableResult
    package func look() async -> Bool {
        let askedAt = list.now
        do {
            let update = try await feed(cursor.withLock { $0 })
            list.add(update.revocations, askedAt: askedAt)
            cursor.withLock { $0 = update.cursor }
            return true
        } catch {
            if !Task.isCancelled { logger.warning("the revocation feed does not answer", metadata: ["error": "\(error)"]) }
            return false
        }
    }
}

import EventSourcing
import HTTPTypes
package import Logging
import Synchronization

/// Keeps a process's book of revocations in step with the auth service's feed: asks every few seconds, and at once when auth runs in the same process and signals.
package final class RevocationFollower: Sendable {
    /// Asks the feed for what came after a cursor; without one for everything that still matters.
    package typealias Feed = @Sendable (_ cursor: String?) async throws -> RevocationNews

    private static let pauseAfterFailure = Duration.seconds(1)

    private let book: RevocationBook
    private let signal: RevocationSignal
    private let interval: Duration
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let feed: Feed
    private let cursor = Mutex<String?>(nil)

    /// - Parameters:
    ///   - signal: raised by an auth service in this process.
    ///   - interval: between two looks that nobody asked for.
    ///   - clock: what the interval is measured by.
    package init(
        _ book: RevocationBook, signal: RevocationSignal = RevocationSignal(), interval: Duration = .seconds(5),
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger, feed: @escaping Feed
    ) {
        self.book = book
        self.signal = signal
        self.interval = interval
        self.clock = clock
        self.logger = logger
        self.feed = feed
    }

    /// Follows until cancelled.
    package func run() async {
        while !Task.isCancelled {
            if await look() { await pause() } else { await sleep(Self.pauseAfterFailure) }
        }
    }

    /// Asks once. False when the feed did not answer: then the book stays as it is, and tells by its age that it does not know.
    @discardableResult
    package func look() async -> Bool {
        let askedAt = book.now
        do {
            let news = try await feed(cursor.withLock { $0 })
            book.note(news.revocations, askedAt: askedAt)
            cursor.withLock { $0 = news.cursor }
            return true
        } catch {
            if !Task.isCancelled { logger.warning("the revocation feed does not answer", metadata: ["error": "\(error)"]) }
            return false
        }
    }

    /// Until the signal or the next look is due.
    private func pause() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.signal.wait() }
            group.addTask { await self.sleep(self.interval) }
            await group.next()
            group.cancelAll()
        }
    }

    private func sleep(_ duration: Duration) async {
        // The only error of a sleep is that nobody waits any more.
        do { try await clock.sleep(for: duration) } catch { return }
    }
}

extension ServiceClient {
    /// The feed of the auth service that this client reaches.
    package var revocationFeed: RevocationFollower.Feed {
        { cursor in
            let path = "/internal/revocations" + (cursor.map { "?after=\($0)" } ?? "")
            let answer = try await self.get(path)
            guard let news = answer.data.flatMap(RevocationNews.init) else { throw UnreadableFeed(status: answer.status.code) }
            return news
        }
    }
}

/// The feed answered with something else than news.
struct UnreadableFeed: Error {
    let status: Int
}

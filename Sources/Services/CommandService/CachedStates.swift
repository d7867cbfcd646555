package import EventSourcing
import FoundationEssentials
package import Logging
import Publishing

/// The users and posts that commands were decided on last, so that a long history is not folded for each command.
///
/// They hold what people wrote and who they are, so they follow the log: when an account is closed, by this process or another, its user and the
/// user's posts are dropped. While nobody follows, nothing is kept.
package final class CachedStates: Sendable {
    let users = StateCache<UserRules>()
    let posts = StateCache<PostRules>()
    private let log: any EventStore
    private let logger: Logger

    private static let closure = UserRules.encode(.closed).type

    /// - Parameter log: may leave what is sealed sealed: only types and ids are read.
    package init(following log: any EventStore, logger: Logger) {
        self.log = log
        self.logger = logger
        suspend()
    }

    /// Follows the log until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.forgetClosedAccounts() }
            group.addTask { try await self.forgetTheOld() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// The statistics of both caches.
    package var entryCount: Int { users.statistics.entries + posts.statistics.entries }

    private func forgetClosedAccounts() async throws {
        while !Task.isCancelled {
            do {
                try await follow(from: try await log.head())
            } catch  where !(error is CancellationError) {
                // The cache is empty while nothing follows the log, so it can start again on a restored log.
                logger.warning("states are not cached for now", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func follow(from head: Int64) async throws {
        users.resume()
        posts.resume()
        defer { suspend() }
        // While the log is away, an account may be closed that stays in memory here.
        let closures = log.subscribe(after: head, to: EventFilter(types: [Self.closure]), pause: .milliseconds(250)) { reason in
            throw EventStoreError.unavailable(reason: reason)
        }
        for try await page in closures {
            for event in page {
                users.forget(event.stream.id)
                posts.forget(event.stream.id)
            }
        }
    }

    private func suspend() {
        users.suspend()
        posts.suspend()
    }

    private func forgetTheOld() async throws {
        while true {
            try await Task.sleep(for: .seconds(60))
            users.removeExpired()
            posts.removeExpired()
        }
    }
}

import EventSourcing
import Logging
import Synchronization

extension LiveFeed {
    /// Follows the log while there are watchers, until cancelled.
    package func run() async throws {
        defer { endAll(.shutdown) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.beat() }
            group.addTask {
                while true {
                    try await self.isWanted.wait()
                    try await self.followWhileWatched()
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func beat() async throws {
        while true {
            try await clock.sleep(for: limits.heartbeat)
            let isUnwatched = state.withLock { state in
                state.beats += 1
                state.pages.dropOld()
                return state.watchers.isEmpty
            }
            if isUnwatched { self.isUnwatched.raise() }
            wakeAll()
        }
    }

    private func followWhileWatched() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.follow() }
            group.addTask { try await self.isUnwatched.wait() }
            defer { group.cancelAll() }
            try await group.next()
        }
        let isWatched = state.withLock { state in
            state.last = nil
            state.pages.removeAll()
            return !state.watchers.isEmpty
        }
        if isWatched { isWanted.raise() }
    }

    private func follow() async throws {
        var backoff = Backoff(from: .milliseconds(100), to: .seconds(5))
        while true {
            do {
                let head = try await source.head()
                let start = state.withLock { state in
                    if state.last == nil { state.last = head }
                    return state.last ?? head
                }
                guard head >= start else { throw EventStoreError.rewritten(position: start) }
                wakeAll()
                try await source.follow(after: start, publish)
            } catch is CancellationError {
                throw CancellationError()
            } catch EventStoreError.rewritten {
                logger.warning("the log was restored to an earlier state, or is another one: a feed begins anew", metadata: ["feed": "\(name)"])
                state.withLock { state in
                    state.last = nil
                    state.pages.removeAll()
                }
                endAll(.logRewritten)
            } catch {
                try Task.checkCancellation()
                let isNew = state.withLock { state in
                    defer { state.hasWarned = true }
                    return !state.hasWarned
                }
                logger.log(level: isNew ? .warning : .debug, "a feed waits", metadata: ["feed": "\(name)", "reason": "\(error)"])
            }
            try await clock.sleep(for: backoff.next())
        }
    }

    private func publish(_ page: FeedPage) {
        state.withLock { state in
            if page.withdraws { state.pages.removeAll() }
            state.pages.add(page, upTo: limits.keptBytes)
            state.last = page.through
            state.hasWarned = false
        }
        wakeAll()
    }
}

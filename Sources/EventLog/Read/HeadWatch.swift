import EventSourcing
import FoundationEssentials
package import Logging
package import Postgres
import Synchronization

/// Knows how far the log has grown and wakes whoever waits for more. One serves all readers of a process.
///
/// Three sources, any of which is enough: appends of this process, NOTIFY from other processes, and one shared poll for what neither told (a process that died
/// between its commit and its NOTIFY, a listener that is reconnecting).
package final class HeadWatch: Sendable {
    private struct State {
        var head: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextNumber: UInt64 = 0
    }

    private struct Waiter {
        let position: Int64
        let continuation: CheckedContinuation<Void, any Error>
    }

    static let channel = "annals_log"

    private let pool: ConnectionPool
    private let direct: ConnectionTarget
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter direct: where LISTEN works: the same database, not through a pooler.
    package init(_ pool: ConnectionPool, direct: ConnectionTarget, logger: Logger) {
        self.pool = pool
        self.direct = direct
        self.logger = logger
    }

    /// Listens and polls until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await Listener(self.direct, channels: [Self.channel], logger: self.logger).run { event in
                    switch event {
                    case .connected: try await self.refreshIfPossible()
                    case .notification(_, let payload): if let position = Int64(payload) { self.advance(to: position) }
                    }
                }
            }
            group.addTask { try await self.poll() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Returns once the head is past `position`.
    func wait(past position: Int64) async throws {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.head > position || Task.isCancelled { return true }
                    state.waiters[number] = Waiter(position: position, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(throwing: CancellationError())
        }
    }

    /// The head is known to be at least here.
    func advance(to position: Int64) {
        let woken = state.withLock { state in
            guard position > state.head else { return [Waiter]() }
            state.head = position
            let woken = state.waiters.filter { $0.value.position < position }
            for number in woken.keys { state.waiters[number] = nil }
            return Array(woken.values)
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// Asks the database.
    func refresh() async throws -> Int64 {
        guard let row = try await pool.query(.readHead).first else { throw EventStoreError.broken(reason: "the log has no head") }
        let head: Int64 = try row.get(0)
        advance(to: head)
        return head
    }

    private func poll() async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            if state.withLock({ !$0.waiters.isEmpty }) { try await refreshIfPossible() }
        }
    }

    /// Asks the database; one that is away is asked again by the next poll.
    private func refreshIfPossible() async throws {
        do {
            _ = try await refresh()
        } catch let error as PostgresError where error.isTransient {
            logger.debug("the log's head could not be read", metadata: ["error": "\(error)"])
        }
    }
}

import EventSourcing
import FoundationEssentials
package import Logging
package import Postgres
import Synchronization

/// Knows how far the log has grown and wakes whoever waits for more. One serves all readers of a process.
///
/// Three sources, any of which is enough: appends of this process, NOTIFY from other processes, and one shared poll for what neither told: a process that died between
/// its commit and its NOTIFY, a listener that is reconnecting, a server that can't be listened to.
package final class HeadWatch: Sendable {
    private struct State {
        var head: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var nextNumber: UInt64 = 0
        /// The poll, while nobody waits.
        var idlePoll: CheckedContinuation<Void, Never>?
    }

    private struct Waiter {
        let position: Int64
        let continuation: CheckedContinuation<Void, any Error>
    }

    static let channel = "annals_log"

    private let pool: ConnectionPool
    private let direct: ConnectionTarget?
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - direct: where LISTEN works: the same database, not through a pooler in transaction mode and no standby. Without it other processes' appends are polled for.
    ///   - clock: what the poll sleeps by.
    package init(_ pool: ConnectionPool, direct: ConnectionTarget?, clock: any Clock<Duration> = ContinuousClock(), logger: Logger) {
        self.pool = pool
        self.direct = direct
        self.clock = clock
        self.logger = logger
    }

    /// Listens and polls until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let direct { group.addTask { try await self.listen(at: direct) } }
            group.addTask { try await self.poll(by: self.direct == nil ? .searching : .steady) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// The head as far as it is known.
    var known: Int64 { state.withLock { $0.head } }

    /// Returns once the head is past `position`.
    func wait(past position: Int64) async throws {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isDone, idlePoll) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
                    if state.head > position || Task.isCancelled { return (true, nil) }
                    state.waiters[number] = Waiter(position: position, continuation: continuation)
                    return (false, state.idlePoll.take())
                }
                idlePoll?.resume()
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

    /// Nothing is after `position`, although the head was `known` to be past it before that was read: the log was restored to an older state, or somebody's NOTIFY was wrong.
    /// Without this, whoever waits there would be told again and again that there is more. Whoever has seen more than there is now is woken, to see that it is gone.
    func correct(_ known: Int64, to position: Int64) {
        let woken = state.withLock { state in
            guard known > position, state.head == known else { return [Waiter]() }
            state.head = position
            let woken = state.waiters.filter { position < $0.value.position && $0.value.position <= known }
            for number in woken.keys { state.waiters[number] = nil }
            return Array(woken.values)
        }
        for waiter in woken { waiter.continuation.resume() }
    }

    /// Asks the database.
    @discardableResult func refresh() async throws -> Int64 {
        let known = known
        guard let row = try await pool.query(.readHead).first else { throw EventStoreError.broken(reason: "the log has no head") }
        let head: Int64 = try row.get(0)
        correct(known, to: head)
        advance(to: head)
        return head
    }

    private func listen(at direct: ConnectionTarget) async throws {
        try await Listener(direct, channels: [Self.channel], logger: logger).run { event in
            switch event {
            // Connections of the pool may be dead still when this one is new already: they all fell with the server.
            case .connected: while try await !self.refreshIfPossible() { try await Task.sleep(for: .milliseconds(50)) }
            case .notification(_, let payload): if let position = Int64(payload) { self.advance(to: position) }
            }
        }
    }

    /// One query for all who wait, and none while nobody does.
    private func poll(by pace: PollPace) async throws {
        var pace = pace
        while true {
            if await waitForWaiter() { pace.start() }
            try await clock.sleep(for: pace.pause)
            guard hasWaiters else { continue }
            let before = known
            try await refreshIfPossible()
            pace.polled(foundNews: known > before)
        }
    }

    /// False while the poll has nobody to ask for.
    var isPolling: Bool { state.withLock { $0.idlePoll == nil } }

    private var hasWaiters: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Returns once somebody waits, or the task is cancelled: true when nobody did before.
    private func waitForWaiter() async -> Bool {
        if hasWaiters { return false }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if !state.waiters.isEmpty || Task.isCancelled { return true }
                    state.idlePoll = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.idlePoll.take() }?.resume()
        }
        return true
    }

    /// Asks the database; false when it is away.
    @discardableResult private func refreshIfPossible() async throws -> Bool {
        do {
            try await refresh()
            return true
        } catch let error as PostgresError where error.isTransient {
            logger.debug("the log's head could not be read", metadata: ["error": "\(error)"])
            return false
        }
    }
}

import EventSourcing
package import Logging
package import Postgres
import Synchronization

/// Knows how far the log has grown and wakes the readers that wait for more. One serves all readers of a process.
///
/// Three sources, any of which is enough: appends of this process, NOTIFY from other processes, and one shared poll for what neither told: a process
/// that died between its commit and its NOTIFY, a listener that is reconnecting, a server that can't be listened to.
package final class HeadWatch: Sendable {
    static let channel = "annals_log"

    private let pool: ConnectionPool
    private let direct: ConnectionTarget?
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let head = Watermark()
    /// How many wait, for the poll to know whether anybody does.
    private let waiters = Atomic<Int>(0)
    private let someoneWaits = Signal()
    /// Why the database last refused, so that it is told once.
    private let refusal = Mutex<String?>(nil)

    /// - Parameters:
    ///   - direct: where LISTEN works: the same database, not through a pooler in transaction mode and no standby. Without it other processes'
    ///     appends are polled for.
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
    package var known: Int64 { head.position }

    /// Returns once the head is past `position`, or was found to be before it again.
    func wait(past position: Int64) async throws {
        if head.position > position { return }
        waiters.add(1, ordering: .sequentiallyConsistent)
        defer { waiters.subtract(1, ordering: .sequentiallyConsistent) }
        someoneWaits.raise()
        try await head.wait(for: position + 1)
    }

    /// The head is known to be at least here.
    func advance(to position: Int64) { head.advance(to: position) }

    /// Lowers a head that is too high after a restore or a wrong NOTIFY. Otherwise waiting readers would spin. Wakes readers that are past the new
    /// head.
    func correct(_ known: Int64, to position: Int64) {
        if known > position { head.reset(to: position, from: known) }
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
            // After a server restart the pool may still hold dead connections.
            case .connected: while try await !self.refreshIfPossible() { try await Task.sleep(for: .milliseconds(50)) }
            case .notification(_, let payload): if let position = Int64(payload) { self.advance(to: position) }
            }
        }
    }

    /// One query for all readers that wait, and none while no reader does.
    private func poll(by pace: PollPace) async throws {
        var pace = pace
        while true {
            if !hasWaiters {
                while !hasWaiters { try await someoneWaits.wait() }
                pace.start()
            }
            try await clock.sleep(for: pace.pause)
            guard hasWaiters else { continue }
            let before = known
            try await refreshIfPossible()
            pace.polled(foundNews: known > before)
        }
    }

    /// False while no reader waits.
    var isPolling: Bool { someoneWaits.waiterCount == 0 }

    private var hasWaiters: Bool { waiters.load(ordering: .sequentiallyConsistent) > 0 }

    /// Asks the database; false when it is away.
    @discardableResult private func refreshIfPossible() async throws -> Bool {
        do {
            try await refresh()
            refusal.withLock { $0 = nil }
            return true
        } catch  where !Task.isCancelled {
            let isPassing = (error as? PostgresError)?.isTransient ?? false
            let isNew = refusal.withLock { refusal in
                defer { if !isPassing { refusal = "\(error)" } }
                return !isPassing && refusal != "\(error)"
            }
            logger.log(level: isNew ? .error : .debug, "the log's head could not be read", metadata: ["error": "\(error)"])
            return false
        }
    }
}

/// How long the shared poll waits between two questions: a moment while events come, then twice as long each time in vain.
struct PollPace: Sendable {
    private let shortest: Duration
    private let longest: Duration
    /// Before the next question.
    private(set) var pause: Duration

    init(from shortest: Duration, to longest: Duration) {
        self.shortest = shortest
        self.longest = longest
        pause = shortest
    }

    /// For a poll that only has to find what a notification failed to tell.
    static let steady = PollPace(from: .seconds(1), to: .seconds(1))

    /// For a poll without LISTEN: 5 ms while events come, up to 1 s while none do.
    static let searching = PollPace(from: .milliseconds(5), to: .seconds(1))

    /// A reader waits again after none did.
    mutating func start() { pause = shortest }

    mutating func polled(foundNews: Bool) { pause = foundNews ? shortest : min(pause * 2, longest) }
}

/// Tells other processes that the log has grown.
///
/// NOTIFY takes a lock of the whole cluster at commit, so it has its own transaction, one at a time, without waiting for the disk. The next one
/// covers appends made meanwhile, and under load lets some gather.
final class CommitNotifier: Sendable {
    private let pool: ConnectionPool
    private let logger: Logger
    private let announced = Watermark()

    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Notes that the log has grown to here; returns at once.
    func announce(_ position: Int64) { announced.advance(to: position) }

    /// Sends notifications until cancelled. What could not be sent is sent again, a moment later.
    func run() async throws {
        var backoff = Backoff(from: .milliseconds(50), to: .seconds(1))
        var notified: Int64 = 0
        var told: String?
        // Readers gather for themselves.
        var gathering = Gathering(within: .milliseconds(3))
        while true {
            try await announced.wait(for: notified + 1)
            if let next = gathering.next(at: ContinuousClock.now) { try await Task.sleep(until: next, clock: .continuous) }
            let (position, start) = (announced.position, ContinuousClock.now)
            do {
                try await pool.atomically([Query(.dontWaitForDisk), Query(.notify, [.text(HeadWatch.channel), .text(String(position))])])
                gathering.found(notified > 0 ? Int(position - notified) : 0, at: start)
                notified = position
                backoff.reset()
                told = nil
            } catch {
                guard error.kind != .cancelled else { throw error }
                // Readers poll as well: a wake-up that is late costs them a second at most.
                let isNew = !error.isTransient && told != error.description
                logger.log(level: isNew ? .error : .debug, "a notification was not sent", metadata: ["error": "\(error)"])
                if isNew { told = error.description }
                try await Task.sleep(for: backoff.next())
            }
        }
    }
}

extension Statement {
    fileprivate static let dontWaitForDisk = Statement("log_dont_wait_for_disk", "SELECT set_config('synchronous_commit', 'off', true)")

    fileprivate static let notify = Statement("log_notify", "SELECT pg_notify($1, $2)")
}

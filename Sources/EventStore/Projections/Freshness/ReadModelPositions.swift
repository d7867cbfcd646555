import EventSourcing
package import Logging
package import Postgres
import Synchronization

/// How far every read model has come, and the place to wait for one: one listening connection and one slow poll, however many wait.
package final class ReadModelPositions: Sendable {
    private struct State {
        /// Of each model that was asked for or heard of; before 0 where nothing is known.
        var watermarks: [String: Watermark] = [:]
        var statuses: [String: ReadModelStatus] = [:]
        /// Rises when tables may have changed while their position has not risen.
        var era = 0
        /// A moment that the last answer with the checkpoints came after.
        var checkedAt: ContinuousClock.Instant?
        /// Whether a standby answers, which hears of nothing when the primary notifies.
        var isStandby = false
    }

    private let pool: ConnectionPool
    private let listener: Listener
    private let pollInterval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - pool: reads the checkpoints; the caller runs it.
    ///   - target: where to listen: the same database, not through a pooler.
    ///   - pollInterval: bounds how long a lost notification can go unnoticed.
    package init(_ pool: ConnectionPool, listeningOn target: ConnectionTarget, pollInterval: Duration = .seconds(1), logger: Logger) {
        self.pool = pool
        listener = Listener(target, channels: [ReadModelNotifier.channel], logger: logger)
        self.pollInterval = pollInterval
        self.logger = logger
    }

    /// The position of each model as last heard of: never ahead of its tables.
    package var positions: [String: Int64] {
        state.withLock { $0.watermarks }.mapValues(\.position).filter { $0.value >= 0 }
    }

    /// How each model stood at the last poll, in the order of their names, with the position as last heard of.
    package var statuses: [ReadModelStatus] {
        state.withLock { state in
            state.statuses.values.map { $0.at(state.watermarks[$0.model]?.position ?? $0.position) }.sorted { $0.model < $1.model }
        }
    }

    /// Where all of these models stand, as last heard of; nil when one of them is unknown, when the database is not heard from, and on a standby.
    package func standing(of models: [String]) -> ReadModelStanding? {
        state.withLock { state in
            guard !state.isStandby, let checkedAt = state.checkedAt, ContinuousClock.now - checkedAt < pollInterval * 3 else { return nil }
            var highest: Int64 = 0
            for model in models {
                guard let position = state.watermarks[model]?.position, position >= 0 else { return nil }
                highest = max(highest, position)
            }
            return ReadModelStanding(position: highest, era: state.era)
        }
    }

    /// Whether the tables of one of them hold what the log does not, as of the last poll: that they have reached a position means nothing then.
    package func haveDiverged(_ models: [String]) -> Bool {
        state.withLock { state in models.contains { state.statuses[$0]?.hasDiverged ?? false } }
    }

    /// Waits until all the models have reached a position; false when they have not in time. Throws `CancellationError` when the task is cancelled.
    /// When they are there already it returns without suspending.
    package func wait(for position: Int64, models: [String], timeout: Duration) async throws -> Bool {
        let watermarks = models.map(watermark(of:))
        if watermarks.allSatisfy({ $0.position >= position }) { return true }
        guard timeout > .zero else { return false }
        return try await isDone(within: timeout) {
            // One that was reached may have gone back while another was waited for.
            while let lacking = watermarks.first(where: { $0.position < position }) { try await lacking.wait(for: position) }
        }
    }

    /// Keeps the positions current until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.listener.run { event in await self.hear(event) } }
            group.addTask { try await self.poll() }
            try await group.next()
            group.cancelAll()
        }
    }

    /// How many wait.
    var waiterCount: Int { state.withLock { $0.watermarks }.values.reduce(0) { $0 + $1.waiterCount } }

    private func watermark(of model: String) -> Watermark {
        state.withLock { state in
            if let known = state.watermarks[model] { return known }
            let new = Watermark(-1)
            state.watermarks[model] = new
            return new
        }
    }

    private func hear(_ event: ListenEvent) async {
        switch event {
        // Notifications may have been missed since the last connection.
        case .connected:
            state.withLock { $0.era += 1 }
            await refresh()
        case .notification(_, let payload):
            guard let colon = payload.lastIndex(of: ":") else { return warnOfForm() }
            let news = payload[payload.index(after: colon)...]
            if news == "changed" {
                state.withLock { $0.era += 1 }
            } else if let position = Int64(news) {
                // Answers to a poll may overtake a notification.
                watermark(of: String(payload[..<colon])).advance(to: position)
            } else {
                warnOfForm()
            }
        }
    }

    private func warnOfForm() {
        logger.warning("a notification is not <model>:<position>", metadata: ["channel": "\(ReadModelNotifier.channel)"])
    }

    private func poll() async throws {
        while true {
            await refresh()
            try await Task.sleep(for: pollInterval)
        }
    }

    private func refresh() async {
        let (before, begun) = (positions, ContinuousClock.now)
        let statuses: [ReadModelStatus]
        do {
            statuses = try await ReadModelStatus.readAll(from: pool)
        } catch {
            // The positions stay as they were: too low at worst. The next poll tries again.
            return logger.debug("could not read the checkpoints", metadata: ["reason": "\(error)"])
        }
        state.withLock { state in
            let known = state.statuses
            state.statuses = Dictionary(statuses.map { ($0.model, $0) }, uniquingKeysWith: { first, _ in first })
            if statuses.contains(where: { $0.isRewritten(since: known[$0.model]) }) { state.era += 1 }
            state.isStandby = statuses.contains(where: \.isOnStandby)
        }
        for status in statuses {
            let watermark = watermark(of: status.model)
            let known = watermark.position
            // A notification that came while the answer was under way is newer. Lower than before the question means a restored database.
            let isOutdated = status.position < known && status.position >= before[status.model] ?? 0
            guard !isOutdated else { continue }
            if status.position < known { state.withLock { $0.era += 1 } }
            watermark.reset(to: status.position, from: known)
        }
        state.withLock { $0.checkedAt = begun }
    }
}

/// Where read models stand, as far as a process has heard.
package struct ReadModelStanding: Sendable, Hashable {
    /// The highest of their positions. Something that was read at it, or later, has all that any of them has.
    package let position: Int64
    /// Another one when tables may have changed while their position has not risen: a build took the place of another, events were applied late, or
    /// the database was restored.
    package let era: Int

    package init(position: Int64, era: Int) {
        self.position = position
        self.era = era
    }
}

extension ReadModelStatus {
    /// Whether its tables may have changed otherwise than by going on, as far as the polls tell.
    fileprivate func isRewritten(since known: ReadModelStatus?) -> Bool {
        guard let known else { return false }
        return build != known.build || leaseToken != known.leaseToken
    }
}

/// Tells those who wait for a read model how far it has come, by NOTIFY on `annals_read`.
///
/// NOTIFY takes a lock of the whole cluster at commit, so it is never part of the applying transaction, waits for no disk, and at most one is under
/// way: what happens meanwhile is told by the next one. Under load it waits for the other models, which are about to finish the same events. It is a
/// hint; who listens also polls.
package final class ReadModelNotifier: Sendable {
    /// The channel. A payload is `<model>:<position>`, or `<model>:changed`, which the database itself sends for tables that have changed without
    /// going on.
    package static let channel = "annals_read"

    private let pool: ConnectionPool
    private let logger: Logger
    private let pending = Mutex<[String: Int64]>([:])
    private let hasPending = Signal()

    package init(_ target: ConnectionTarget, logger: Logger) {
        var target = target
        target.settings["synchronous_commit"] = "off"
        var limits = PoolLimits()
        limits.maximumConnections = 1
        limits.multiplexedConnections = 1
        pool = ConnectionPool(target, limits: limits, logger: logger)
        self.logger = logger
    }

    /// Has a position told to everybody, soon. Costs the caller nothing.
    package func announce(_ model: String, position: Int64) {
        pending.withLock { $0[model] = max($0[model] ?? 0, position) }
        hasPending.raise()
    }

    /// Tells until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.pool.run() }
            group.addTask { try await self.tell() }
            try await group.next()
            group.cancelAll()
        }
    }

    private func tell() async throws {
        var told: [String: Int64] = [:]
        var gathering = Gathering(within: .milliseconds(3))
        while true {
            try await hasPending.wait()
            if let next = gathering.next(at: ContinuousClock.now) { try await Task.sleep(until: next, clock: .continuous) }
            let positions = pending.withLock { pending in
                defer { pending.removeAll(keepingCapacity: true) }
                return pending
            }
            guard !positions.isEmpty else { continue }
            gathering.found(positions.map { Int($0.value - told[$0.key, default: $0.value]) }.max() ?? 0, at: ContinuousClock.now)
            told.merge(positions) { $1 }
            do {
                try await pool.query(.notifyReaders, [.text(Self.channel), .texts(positions.map { "\($0.key):\($0.value)" })])
            } catch {
                // Listeners find out by polling. The next announcement tries again.
                logger.debug("could not notify readers", metadata: ["reason": "\(error)"])
            }
        }
    }
}

extension Statement {
    fileprivate static let notifyReaders = Statement("notify_readers", "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload")
}

import EventSourcing
package import Logging
package import Postgres
import Synchronization

/// Tells those who wait for a read model how far it has come, by NOTIFY on `annals_read`.
///
/// NOTIFY takes a lock of the whole cluster at commit, so it is never part of the applying transaction, waits for no disk, and at most one is under
/// way: what happens meanwhile is told by the next one. It is a hint; who listens also polls.
package final class ReadModelNotifier: Sendable {
    /// The channel. A payload is `<model>:<position>`.
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
        while true {
            try await hasPending.wait()
            let positions = pending.withLock { pending in
                defer { pending.removeAll(keepingCapacity: true) }
                return pending
            }
            guard !positions.isEmpty else { continue }
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

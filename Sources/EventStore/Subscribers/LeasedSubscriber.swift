import EventSourcing
package import Logging
package import Postgres
import Synchronization

/// One subscriber of the log among all processes: it works while it holds the lease of its name, and waits for it otherwise.
package final class LeasedSubscriber: Sendable {
    /// The state of a subscriber.
    package enum Status: Sendable, Equatable {
        case waiting
        case working
        /// It has failed and will try again.
        case failing(String)
        /// It can't go on: somebody has to look.
        case stopped(String)
    }

    /// A third of the time that a lease lasts.
    private static let renewInterval = Duration.seconds(1)
    private static let askInterval = Duration.milliseconds(500)

    package let name: String
    private let pool: ConnectionPool
    private let logger: Logger
    private let holder = leaseHolderName()
    private let state = Mutex((status: Status.waiting, lease: SubscriberLease?.none))

    /// - Parameter pool: the log's database as the relay; the caller runs it, and longer than this if the lease is to be given back.
    package init(_ name: String, _ pool: ConnectionPool, logger: Logger) {
        self.name = name
        self.pool = pool
        var logger = logger
        logger[metadataKey: "subscriber"] = "\(name)"
        self.logger = logger
    }

    package var status: Status { state.withLock(\.status) }

    /// The lease, while this process has it.
    package var lease: SubscriberLease? { state.withLock(\.lease) }

    /// Works whenever the lease is to be had, until cancelled. An error of `work` begins it anew after a pause, with the checkpoint as it is then.
    /// `SubscriberStop` ends it until the next start.
    package func run(_ work: @Sendable @escaping (SubscriberLease) async throws -> Void) async throws {
        var backoff = Backoff(from: .milliseconds(250), to: .seconds(10))
        while true {
            let start = ContinuousClock.now
            do {
                let lease = try await acquire()
                state.withLock { $0 = (.working, lease) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await self.keep(lease) }
                    group.addTask { try await work(lease) }
                    defer { group.cancelAll() }
                    try await group.next()
                }
            } catch let stop as SubscriberStop {
                logger.critical("a subscriber of the log has stopped", metadata: ["reason": "\(stop.reason)"])
                state.withLock { $0.status = .stopped(stop.reason) }
                await release()
                while true { try await Task.sleep(for: .seconds(3600)) }
            } catch {
                try Task.checkCancellation()
                logger.warning("a subscriber of the log begins anew", metadata: ["reason": "\(String(reflecting: error))"])
                state.withLock { $0 = (.failing("\(error)"), $0.lease) }
            }
            if ContinuousClock.now - start > .seconds(30) { backoff.reset() }
            try await Task.sleep(for: backoff.next())
        }
    }

    /// Gives the lease back after `run` has ended, so that another process need not wait for its end.
    package func release() async {
        guard let lease = state.withLock({ $0.lease.take() }) else { return }
        do {
            try await pool.query(.releaseLease, [.text(name), .int8(lease.token)])
        } catch {
            logger.debug("could not give a lease back", metadata: ["reason": "\(error)"])
        }
    }

    private func acquire() async throws -> SubscriberLease {
        while true {
            if let row = try await pool.query(.acquireLease, [.text(name), .text(holder)]).first {
                return SubscriberLease(
                    name: name, token: try row.get(0), position: try row.get(1), event: try row.get(2), hasBegun: try row.get(3))
            }
            state.withLock { $0.status = .waiting }
            try await Task.sleep(for: Self.askInterval * Double.random(in: 0.8...1.2))
        }
    }

    /// Shows signs of life until the lease is lost.
    private func keep(_ lease: SubscriberLease) async throws {
        while true {
            try await Task.sleep(for: Self.renewInterval)
            let hold = lease.hold
            try await pool.query(hold.statement, hold.values)
        }
    }
}

/// The reason why a subscriber can't go on before somebody has looked.
package struct SubscriberStop: Error {
    package let reason: String

    package init(_ reason: String) { self.reason = reason }
}

extension Statement {
    fileprivate static let acquireLease = Statement("acquire_relay_lease", "SELECT * FROM relay.acquire_lease($1, $2)")
    fileprivate static let releaseLease = Statement("release_relay_lease", "SELECT relay.release_lease($1, $2)")
}

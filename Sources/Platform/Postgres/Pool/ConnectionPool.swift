package import Logging
import Synchronization

/// A pool of connections to one database.
///
/// `query` and `atomically` share a few pipelined connections: callers' statements follow each other without waiting for answers. `withTransaction`
/// and `withSession` lend a connection to one caller. Only `run()` opens connections; before it, and while the database is down, callers wait.
package final class ConnectionPool: Sendable {
    typealias State = PoolState<Connection, LeaseWaiter>

    /// A connection, or a place on a shared one.
    struct Lease: Sendable {
        let id: Int
        let connection: Connection
    }

    struct Core {
        var state: State
        var lastFailure: PostgresError?
        var hasConnected = false
        /// How often the server has failed to write since the last proof that it can.
        var writeFailures = 0
        /// When the waiters are looked through next.
        var timer: ContinuousClock.Instant?
        var whenEmpty: UnsafeContinuation<Void, Never>?
    }

    let target: ConnectionTarget
    let limits: PoolLimits
    let logger: Logger
    let core: Mutex<Core>
    let wakes: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    /// Makes a pool; nothing is opened before `run()`.
    package init(_ target: ConnectionTarget, limits: PoolLimits = PoolLimits(), logger: Logger) {
        self.target = target
        self.limits = limits
        self.logger = logger
        core = Mutex(Core(state: State(limits)))
        (wakes, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The role and the database that it connects, for people: `annals_queries@annals_read`.
    package var name: String { "\(target.applicationName)@\(target.database)" }

    /// Open, idle, in use, waiting.
    package var statistics: PoolStatistics { core.withLock { $0.state.statistics } }

    /// Makes `run()` look for work.
    func wake() { wakeUp.yield() }

    /// Carries out the state's decisions, with no lock held.
    func perform(_ effects: State.Effects) {
        for grant in effects.grants { grant.waiter.resume(.success(Lease(id: grant.id, connection: grant.connection))) }
        for connection in effects.closes { connection.close(PostgresError(.connection, "the pool has closed the connection")) }
        if effects.needsOpening { wake() }
        if !effects.closes.isEmpty { noteEmptiness() }
    }

    /// Lets a closing pool end once its last connection is gone.
    func noteEmptiness() { core.withLock { core in core.state.slots.isEmpty ? core.whenEmpty.take() : nil }?.resume() }
}

extension ConnectionPool: ConnectionOwner {
    func connection(_ connection: Connection, answered count: Int) {
        perform(core.withLock { $0.state.releaseShared(connection.id, count: count) { .now } })
    }

    func connection(_ connection: Connection, failedToWrite error: PostgresError) { core.withLock { $0.writeFailures += 1 } }

    func connectionClosed(_ connection: Connection, _ error: PostgresError) {
        logger.debug("connection closed", metadata: ["reason": "\(error)"])
        let needsOpening = core.withLock { core in
            core.state.lost(connection.id)
            return core.state.openingsNeeded > 0
        }
        if needsOpening { wake() }
        noteEmptiness()
    }
}

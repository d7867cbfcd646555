package import EventSourcing
package import Logging
package import Postgres
import Synchronization

/// Follows the log and keeps its Merkle tree: appends know nothing of it and pay nothing for it.
///
/// One follower at a time writes, under a lease; others wait for its end. Each size is signed once: the checkpoint is on the disk, outside of any
/// database, before it is published, and no tree that does not go on from it is ever signed.
package final class MerkleFollower: Sendable {
    /// How often it looks and signs. A checkpoint is at most one pause and one batch behind.
    package struct Pace: Sendable {
        /// Between two looks at a log that grows, and so between two signatures: events of this time share a checkpoint.
        package var pause: Duration = .milliseconds(250)
        /// Between two looks at a log that does not grow: one that was restored to an older state may not wake anybody.
        package var look: Duration = .seconds(5)
        /// Between two signatures while the follower has to catch up.
        package var signing: Duration = .milliseconds(500)

        package init() {}
    }

    private static let longestDelay = Duration.seconds(1)

    private struct State {
        var status = MerkleFollowerStatus.starting
        var lease: MerkleLease?
        /// The last checkpoint that this process has seen in the file.
        var signed: SignedCheckpoint?
        /// The last moment of which this process knows that all events were signed; the follower's beginning before the first.
        var allSigned = ContinuousClock.now
        /// Whether something was published since the last trouble.
        var hasPublished = false

        mutating func takePublished() -> Bool {
            defer { hasPublished = false }
            return hasPublished
        }
    }

    private let pool: ConnectionPool
    private let store: any EventStore
    private let signer: NoteSigner
    private let file: LastCheckpointFile
    private let pace: Pace
    private let clock: any Clock<Duration>
    private let logger: Logger
    private let holder = leaseHolderName()
    private let state = Mutex(State())

    /// - Parameters:
    ///   - pool: the log's database with the projector's rights; the caller runs it, and longer than the follower if the lease is to be given back.
    ///   - store: tells when the log has grown. It is not read from.
    ///   - clock: measures the pace.
    package init(
        _ pool: ConnectionPool, wokenBy store: any EventStore, signer: NoteSigner, file: LastCheckpointFile, pace: Pace = Pace(),
        clock: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.pool = pool
        self.store = store
        self.signer = signer
        self.file = file
        self.pace = pace
        self.clock = clock
        self.logger = logger
    }

    package var status: MerkleFollowerStatus { state.withLock(\.status) }

    /// The number of events in the last checkpoint that this process has signed or found; nil before the first.
    package var signedSize: Int64? { state.withLock { $0.signed?.checkpoint.size } }

    /// For how long there have been events in no signed checkpoint, at most; zero while there is none up to `head`. Nil while another process
    /// follows.
    package func checkpointAge(at head: Int64) -> Duration? {
        state.withLock { state in
            if state.status == .waiting { return nil }
            return state.signed?.checkpoint.size ?? 0 >= head ? .zero : state.allSigned.duration(to: .now)
        }
    }

    /// Throws why the follower has stopped, if it has.
    package func confirmRunning() throws(MerkleStop) {
        if case .stopped(let reason) = status { throw reason }
    }

    /// Runs until cancelled. When it has to stop it says so in its status and in the log, and signs nothing more; it does not end the process.
    package func run() async throws {
        do {
            try await followForEver()
        } catch let stop as MerkleStop {
            state.withLock { $0.status = .stopped(stop) }
            logger.critical("the Merkle follower has stopped signing", metadata: ["reason": "\(stop)"])
            await release()
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
    }

    /// Gives the lease back after `run` has ended, so that another process need not wait for its end.
    package func release() async {
        guard let lease = state.withLock({ $0.lease.take() }) else { return }
        do {
            try await pool.query(.releaseMerkleLease, [.int8(lease.token)])
        } catch {
            logger.debug("could not give the lease of the audit log back", metadata: ["reason": "\(error)"])
        }
    }

    private func followForEver() async throws {
        var backoff = Backoff(from: pace.pause, to: Self.longestDelay)
        while true {
            do {
                let lease = try await MerkleLease.acquire(pool, as: holder) {
                    if state.withLock({ $0.status.startsWaiting() }) {
                        logger.info("another process keeps the audit log; it is taken over when that ends")
                    }
                }
                state.withLock { $0.lease = lease }
                try await follow(under: lease)
            } catch {
                try recover(from: error)
            }
            if state.withLock({ $0.takePublished() }) { backoff.reset() }
            try await Task.sleep(for: backoff.next())
        }
    }

    /// Returns when a new beginning can help; throws the error otherwise.
    private func recover(from error: any Error) throws {
        try Task.checkCancellation()
        switch error {
        case is CancellationError, is MerkleStop: throw error
        case is MerkleLeaseLost: logger.notice("another process has taken over the audit log")
        default: logger.warning("the Merkle follower retries", metadata: ["reason": "\(String(reflecting: error))"])
        }
    }

    /// Ends by throwing, at the latest when the lease is lost.
    private func follow(under lease: MerkleLease) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [pool] in try await lease.keep(pool) }
            group.addTask { try await self.grow(under: lease, by: self.clock) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func grow<Time: Clock<Duration>>(under lease: MerkleLease, by clock: Time) async throws {
        let known = state.withLock(\.signed)
        var writer = try await MerkleWriter(pool, under: lease, signer: signer, file: file, after: known, logger: logger)
        var lastSigned: Time.Instant?
        var isQuiet = false
        note(writer)
        while true {
            let (turn, moment) = (clock.now, ContinuousClock.now)
            let head: Int64 = try await pool.query(.logHead).first?.get(0) ?? 0
            // While the tables are made again they hold less than was signed.
            let least = max(writer.size, writer.signed?.checkpoint.size ?? 0)
            guard head >= least else { throw MerkleStop.logIsShorter(head: head, signed: least) }
            if head > writer.size || writer.isBehind {
                try await writer.extend(to: head)
                let isDue = lastSigned.map { $0.duration(to: clock.now) >= pace.signing } ?? true
                let isSigning = writer.size == head || isDue
                try await writer.publish(isSigning: isSigning)
                if isSigning { lastSigned = clock.now }
                note(writer)
                state.withLock { $0.hasPublished = true }
                if writer.signed?.checkpoint.size == head { state.withLock { $0.allSigned = moment } }
                isQuiet = false
                // There is a batch more to come.
                if writer.size < head { continue }
            } else {
                if isQuiet { try await writer.extend(to: head) }
                if writer.signed?.checkpoint.size ?? 0 == head { state.withLock { $0.allSigned = moment } }
                let size = writer.size
                isQuiet = try await !isDone(within: pace.look, by: clock) { [store] in try await store.waitForEvents(after: size) }
            }
            try await clock.sleep(until: turn.advanced(by: pace.pause), tolerance: nil)
        }
    }

    private func note(_ writer: MerkleWriter) {
        state.withLock {
            $0.signed = writer.signed
            $0.status = .following(signed: writer.signed?.checkpoint.size ?? 0)
        }
    }
}

extension MerkleFollowerStatus {
    /// True when it did not wait before.
    fileprivate mutating func startsWaiting() -> Bool {
        defer { self = .waiting }
        return self != .waiting
    }
}

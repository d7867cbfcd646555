import EventSourcing
import Logging
import Postgres
import Synchronization

/// The leases of this process's projectors: takes them, shows that they are alive, ends those that are lost, gives them back.
///
/// Whether a lease has run out is decided by the database's clock alone. What keeps a projector from writing without one is the token in its
/// checkpoint statement, not this bookkeeping.
final class LeaseKeeper: Sendable {
    /// A third of the time that a lease lasts.
    private static let renewInterval = Duration.seconds(1)
    /// How often a projector that has to wait asks again.
    private static let askInterval = Duration.milliseconds(500)

    /// This process among all that share the read database.
    let holder: String
    private let pool: ConnectionPool
    private let logger: Logger
    private let held = Mutex<[String: Lease]>([:])

    /// - Parameter pool: shows signs of life; the caller runs it, and longer than the projectors if leases are to be given back.
    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
        holder = leaseHolderName()
    }

    /// Returns a model's lease once nobody else holds it; `onWait` is called when somebody does.
    /// - Parameter pool: the projector's own, which waits for the disk: a token that a crash could take back would be given out twice.
    func acquire(_ model: String, through pool: ConnectionPool, onWait: () -> Void) async throws -> Lease {
        var hasWaited = false
        while true {
            let token = try await pool.query(.acquireLease, [.text(model), .text(holder)]).first?.get(0, as: Int64?.self)
            if let token {
                let lease = Lease(token: token)
                held.withLock { $0[model] = lease }
                return lease
            }
            if !hasWaited { onWait() }
            hasWaited = true
            try await Task.sleep(for: Self.askInterval * Double.random(in: 0.8...1.2))
        }
    }

    /// Stops showing signs of life for a model, so that another process may try.
    func abandon(_ model: String) { held.withLock { $0[model] = nil } }

    /// Shows signs of life until cancelled.
    func run() async throws {
        while true {
            try await Task.sleep(for: Self.renewInterval)
            let leases = held.withLock { $0 }
            guard !leases.isEmpty else { continue }
            do {
                try await renew(leases)
            } catch {
                // The token tells a projector apart that takes over meanwhile.
                logger.debug("could not renew leases", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// A projector that waits for the log's next event would not notice that its lease is lost, or that a crash of the server has taken its last
    /// commits back. So the sign of life is answered with where the checkpoints are.
    private func renew(_ leases: [String: Lease]) async throws {
        // Taken before the question: commits that were known before it are in the answer, or lost.
        let left = leases.mapValues { CheckpointMoved.Place(position: $0.position, token: $0.token) }
        var found: [String: CheckpointMoved.Place] = [:]
        for row in try await pool.query(.renewLeases, [.text(holder), .texts(leases.keys.sorted())]) {
            found[try row.get(0)] = CheckpointMoved.Place(position: try row.get(1), token: try row.get(2))
        }
        for (model, left) in left {
            if let found = found[model], found.token == left.token, found.position >= left.position { continue }
            leases[model]?.end(because: CheckpointMoved(found: found[model], left: left))
        }
    }

    /// Says why a projector's checkpoint is not where it left it. Mostly that is no rival: see `CheckpointMoved`.
    func explain(_ error: any Error, of model: String, through pool: ConnectionPool, _ logger: Logger) async {
        do {
            let current = try await ProjectionCheckpoint.leaseHolder(model, in: pool)
            if current == holder {
                logger.info("the checkpoint, tables or parked events changed: the projector reads them again", metadata: ["reason": "\(error)"])
            } else {
                logger.notice("the projector has lost its lease", metadata: ["holder": "\(current ?? "nobody")", "reason": "\(error)"])
            }
        } catch {
            logger.debug("the lease could not be read", metadata: ["reason": "\(error)"])
        }
    }

    /// Gives all leases back, so that nobody has to wait for their end. For a stop in peace; after any other, or when the database is away, they run
    /// out.
    func release() async {
        held.withLock { $0.removeAll() }
        do {
            try await pool.query(.releaseLeases, [.text(holder)])
        } catch {
            logger.debug("could not give leases back", metadata: ["reason": "\(error)"])
        }
    }
}

extension Statement {
    fileprivate static let acquireLease = Statement("acquire_lease", "SELECT annals.acquire_lease($1, $2)")
    fileprivate static let renewLeases = Statement("renew_leases", "SELECT * FROM annals.renew_leases($1, $2)")
    fileprivate static let releaseLeases = Statement("release_leases", "SELECT annals.release_leases($1)")
}

/// A read model's lease as its holder has it, and the progress made under it: what holds until the read database tells otherwise.
final class Lease: Sendable {
    /// Goes up with every change of hands; each write names it.
    let token: Int64
    private let committed = Atomic<Int64>(0)
    private let reasons: AsyncStream<CheckpointMoved>
    private let reason: AsyncStream<CheckpointMoved>.Continuation

    init(token: Int64) {
        self.token = token
        (reasons, reason) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
    }

    /// The last position that is known to be committed; 0 before the checkpoint was read.
    var position: Int64 { committed.load(ordering: .acquiring) }

    /// The checkpoint was found there, or a batch was committed.
    func moved(to position: Int64) { committed.store(position, ordering: .releasing) }

    /// Tells the projector that works under it that it is over.
    func end(because moved: CheckpointMoved) {
        reason.yield(moved)
        reason.finish()
    }

    /// Throws `CheckpointMoved` once it is over, or `CancellationError`.
    func untilOver() async throws {
        for await moved in reasons { throw moved }
        try Task.checkCancellation()
    }
}

/// A checkpoint is not where its projector has left it, or not under its lease: somebody has taken that, a rebuild has put other tables there, an
/// operator has freed parked streams, or the server has lost its last commits in a crash.
struct CheckpointMoved: Error, CustomStringConvertible {
    struct Place: Equatable {
        let position: Int64
        let token: Int64
    }

    /// Nil when there is no checkpoint any more.
    let found: Place?
    let left: Place

    var description: String {
        let found = found.map { "at \($0.position) under lease \($0.token)" } ?? "gone"
        return "the checkpoint is \(found), and was left at \(left.position) under lease \(left.token)"
    }
}

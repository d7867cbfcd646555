import FoundationEssentials
import Glibc
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
        holder = Self.processName()
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

    /// `<host>:<process id>:<four random characters>`: two containers may share the first two.
    private static func processName() -> String {
        var name = [CChar](repeating: 0, count: 256)
        let host =
            gethostname(&name, name.count - 1) == 0 ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : "?"
        return "\(host):\(getpid()):\(UUID().uuidString.lowercased().prefix(4))"
    }
}

extension Statement {
    fileprivate static let acquireLease = Statement("acquire_lease", "SELECT annals.acquire_lease($1, $2)")
    fileprivate static let renewLeases = Statement("renew_leases", "SELECT * FROM annals.renew_leases($1, $2)")
    fileprivate static let releaseLeases = Statement("release_leases", "SELECT annals.release_leases($1)")
}

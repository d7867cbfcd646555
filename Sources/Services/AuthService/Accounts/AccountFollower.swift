import AccessTokens
package import EventSourcing
import FoundationEssentials
import HTTPContract
package import Logging
package import Postgres
import Publishing

/// Reads from the log's database the keyed hashes of the values that streams claim now. It leaves out streams without a claim of that kind.
package typealias CurrentClaims = @Sendable (ClaimKind, Set<StreamName>) async throws -> [StreamName: [UInt8]]

/// Keeps `accounts` in step with the log:
///
///     page of events → changes → one transaction: guard and checkpoint first, then the changes
///
/// Several processes may follow at once without a lease. The guard lets one of them write each page, and the others continue after that page.
package final class AccountFollower: Sendable {
    private struct Place {
        var position: Int64
        var event: UUID?
    }

    /// A page may move the checkpoint alone, which is a transaction all the same.
    private static let gathering = Duration.milliseconds(25)

    private let log: any EventStore
    private let identity: ConnectionPool
    private let currentClaims: CurrentClaims
    private let endings: Signal
    private let now: @Sendable () -> Timestamp
    private let logger: Logger
    private let progress = Watermark()

    /// - Parameters:
    ///   - log: may leave sealed fields sealed, since only ids, roles and types are read.
    ///   - identity: where `accounts` and the checkpoint are.
    ///   - endings: raised when an event revokes tokens.
    package init(
        log: any EventStore, identity: ConnectionPool, currentClaims: @escaping CurrentClaims, endings: Signal = Signal(),
        now: @escaping @Sendable () -> Timestamp = { .now }, logger: Logger
    ) {
        self.log = log
        self.identity = identity
        self.currentClaims = currentClaims
        self.endings = endings
        self.now = now
        self.logger = logger
    }

    /// The last position that is applied.
    package var position: Int64 { progress.position }

    /// Whether the follower reached the position in time.
    package func waitFor(_ position: Int64, timeout: Duration) async throws -> Bool {
        if progress.position >= position { return true }
        return try await isDone(within: timeout) { [progress] in try await progress.wait(for: position) }
    }

    /// Returns once everything that the log holds now is applied. Throws 503 if that takes longer than `patience`, and the log's own error if the log
    /// can't be read.
    package func confirmLevel(within patience: Duration = .seconds(5)) async throws {
        guard try await waitFor(log.head(), timeout: patience) else { throw Problem.unavailable("The accounts are behind the log.") }
    }

    /// Follows until cancelled, and waits while a database is away or refuses. Throws `EventStoreError.rewritten` if the log is not the one that was
    /// followed so far, and the decoding error of an event that it can't read.
    package func run() async throws {
        var backoff = Backoff(from: .milliseconds(100), to: .seconds(5))
        while !Task.isCancelled {
            do {
                let start = progress.position
                try await follow()
                if progress.position > start { backoff.reset() }
            } catch  where Task.isCancelled {
                return
            } catch  where Self.mayPass(error) {
                logger.warning("the account follower waits", metadata: ["reason": "\(error)", "position": "\(progress.position)"])
                do { try await Task.sleep(for: backoff.next()) } catch { return }
            }
        }
    }

    /// Follows until cancelled, or until another process's follower has written first.
    private func follow() async throws {
        var checkpoint = try await loadCheckpoint()
        try await Subscription.confirm(checkpoint.event, at: checkpoint.position, in: log)
        progress.advance(to: checkpoint.position)
        let gathering = Gathering(within: Self.gathering)
        let pages = log.subscribe(after: checkpoint.position, lastEvent: checkpoint.event, gathering: gathering) { [logger] reason in
            logger.warning("the account follower waits", metadata: ["reason": "\(reason)"])
        }
        for try await page in pages {
            guard let last = page.last else { continue }
            do {
                try await apply(page, after: checkpoint)
            } catch let error as PostgresError where error.sqlState == .checkpointMoved {
                logger.debug("another follower came first", metadata: ["position": "\(checkpoint.position)"])
                // It goes on without this one.
                try await Task.sleep(for: Self.gathering)
                return
            }
            checkpoint = Place(position: last.position, event: last.id)
            progress.advance(to: last.position)
        }
    }

    private func apply(_ page: [RecordedEvent], after checkpoint: Place) async throws {
        guard let last = page.last else { return }
        let changes = try page.compactMap { event in try AccountChange(event).map { (event, $0) } }
        // The emails themselves stay sealed. A hash that is newer than its event does no harm, since the event that belongs to it is still to come
        // and says the same.
        let renamed = Set(changes.filter { $0.1.readsEmail }.map(\.0.stream))
        let emails = renamed.isEmpty ? [:] : try await currentClaims(.email, renamed)
        // A checkpoint that is lost alone costs another look.
        var queries = changes.isEmpty ? [Query(.dontWaitForDisk)] : []
        queries.append(Query(.advanceCheckpoint, [.int8(checkpoint.position), .int8(last.position), .uuid(last.id)]))
        for (event, change) in changes {
            queries += change.queries(
                user: event.stream.id, position: event.position, version: event.version, emailHash: emails[event.stream], at: now())
        }
        try await identity.atomically(queries)
        if changes.contains(where: { $0.1.endsTokens }) { endings.raise() }
    }

    private func loadCheckpoint() async throws -> Place {
        guard let row = try await identity.query(.loadCheckpoint).first else {
            throw EventStoreError.broken(reason: "the identity database has no checkpoint")
        }
        return Place(position: try row.get(0), event: try row.get(1))
    }

    /// Whether a database is away or has to be mended, rather than that the log is another one. Until then tokens are refused.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let error as PostgresError: error.kind != .configuration
        case let error as EventStoreError: error.absence != nil
        default: false
        }
    }
}

extension SQLState {
    /// AN010, raised by `identity.advance_checkpoint`.
    static let checkpointMoved = SQLState(rawValue: "AN010")
}

extension Statement {
    fileprivate static let loadCheckpoint = Statement("load_identity_checkpoint", "SELECT position, event_id FROM identity.checkpoint")
    fileprivate static let dontWaitForDisk = Statement("identity_dont_wait_for_disk", "SELECT set_config('synchronous_commit', 'off', true)")
    fileprivate static let advanceCheckpoint = Statement("advance_identity_checkpoint", "SELECT identity.advance_checkpoint($1, $2, $3)")
}

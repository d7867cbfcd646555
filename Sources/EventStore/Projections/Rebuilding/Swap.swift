import EventSourcing
import Logging
import Postgres

/// Puts tables in the place of the live ones, in one transaction.
///
/// A query that has found its tables before the swap must not see the new position with the old rows. So the old tables are locked first: queries
/// that read them end before, and later ones find the new tables. While the lock is waited for, later queries queue behind it, and a query may hold
/// one table and wait for another; so the wait is shorter than the second after which the server would take that for a deadlock, and is tried again
/// until it succeeds.
struct Swap {
    private static let longestWait = "600ms"
    private static let longestPause = Duration.seconds(5)

    let model: String
    let readers: [Statement]
    /// The version of the folder; nil leaves what is known of it.
    let folderVersion: String?
    /// Whether the new tables may be behind the live ones.
    var mayGoBack = false
    let pool: ConnectionPool
    let logger: Logger

    /// Waits for the tables for as long as it takes: what was made is not thrown away for a query that goes on for hours.
    /// - Parameter bringUp: gets a position of the live tables and takes the new ones there or further; the last time while the live ones stand
    ///   still.
    func run(_ build: Int64, bringUp: (Int64) async throws -> Void) async throws {
        var backoff = Backoff(from: .milliseconds(100), to: Self.longestPause)
        while true {
            try await OldReaders(model: model, pool: pool, logger: logger).waitUntilGone()
            // Events that came meanwhile are applied before the projector has to stand still for them.
            if let live = try await ProjectionCheckpoint.read(model, from: pool) { try await bringUp(live.position) }
            do {
                return try await tryOnce(build, bringUp)
            } catch let failed as BringUpFailed {
                // How much of it was applied is not known here, so it can't be tried again.
                throw failed.error
            } catch let error as PostgresError where error.kind == .deadline || error.isCollision {
                logger.notice("waiting for queries to let go of the tables", metadata: ["model": "\(model)"])
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    private func tryOnce(_ build: Int64, _ bringUp: (Int64) async throws -> Void) async throws {
        try await pool.withTransaction { session in
            try await session.execute(
                script: "SET LOCAL lock_timeout = 0; SET LOCAL synchronous_commit = on; SET LOCAL idle_in_transaction_session_timeout = '15s'")
            // One swap at a time in the whole database: this one prepares queries that join other models' tables.
            try await session.query(.lockSwaps)
            let check = ReaderCheck(model: model, readers: readers)
            let before = try await check.findings("before", in: session)
            let live = try await ProjectionCheckpoint.lock(model, in: session)
            do {
                try await bringUp(live)
            } catch {
                throw BringUpFailed(error: error)
            }
            let tables = try await OfflineBuild.tables(of: model, in: session)
            if !tables.isEmpty {
                try await session.execute(
                    script: """
                        SET LOCAL statement_timeout = '\(Self.longestWait)';
                        LOCK TABLE \(tables.joined(separator: ", ")) IN ACCESS EXCLUSIVE MODE;
                        SET LOCAL statement_timeout = 0
                        """)
            }
            try await session.query(.swapBuild, [.int8(build), .text(optional: folderVersion), .bool(mayGoBack)])
            try await check.compare(before, try await check.findings("after", in: session), in: session)
        }
    }
}

private struct BringUpFailed: Error {
    let error: any Error
}

extension Statement {
    /// One swap at a time in the whole database.
    static let lockSwaps = Statement("lock_swaps", "SELECT pg_advisory_xact_lock(hashtextextended('annals.swap', 0))")
    fileprivate static let swapBuild = Statement("swap_build", "SELECT annals.swap_build($1, $2, $3)")
}

/// Transactions that go on for long and hold tables of a read model: a swap that asked for its locks now would only hold up everybody else.
struct OldReaders {
    private static let longestPause = Duration.seconds(5)

    let model: String
    let pool: ConnectionPool
    let logger: Logger

    /// Returns once those that are there now have ended, however long that takes. Later ones are not waited for. Holds nothing meanwhile.
    func waitUntilGone() async throws {
        var readers = try await holders()
        var pause = Duration.milliseconds(50)
        var isTold = false
        while !readers.isEmpty {
            try await Task.sleep(for: pause)
            readers.formIntersection(try await holders())
            // Queries of some milliseconds are no news.
            if !isTold, !readers.isEmpty, pause >= .milliseconds(400) {
                logger.notice(
                    "waiting for old transactions to let go of the tables", metadata: ["model": "\(model)", "transactions": "\(readers.count)"])
                isTold = true
            }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Identified by process and transaction. PostgreSQL shows a transaction's age only to members of its role.
    private func holders() async throws -> Set<String> {
        Set(try await pool.query(.holders, [.text(model)]).map { try $0.get(0, as: String.self) })
    }
}

extension Statement {
    fileprivate static let holders = Statement(
        "holders",
        """
        SELECT DISTINCT concat_ws(' ', l.pid, l.virtualtransaction)
        FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND n.nspname = $1 AND c.relkind IN ('r', 'p')
        """)
}

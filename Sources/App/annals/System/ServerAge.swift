import Logging
import Postgres
import Synchronization

/// A number of seconds that a database's server tells of itself, asked every ten seconds.
final class ServerAge: Sendable {
    private static let interval = Duration.seconds(10)

    private let pool: ConnectionPool
    private let statement: Statement
    private let logger: Logger
    private let last = Mutex<Double?>(nil)

    private init(_ statement: Statement, _ pool: ConnectionPool, _ logger: Logger) {
        self.pool = pool
        self.statement = statement
        self.logger = logger
    }

    /// How far the server that queries read is behind its primary.
    static func replicationLag(_ pool: ConnectionPool, logger: Logger) -> ServerAge { ServerAge(.replicationLag, pool, logger) }

    /// How long ago the log's server archived WAL, when attempts have failed since; else 0. Nil where it archives none.
    static func archiveFailure(_ pool: ConnectionPool, logger: Logger) -> ServerAge { ServerAge(.archiveFailure, pool, logger) }

    /// At the last look; nil while the server does not answer, or has nothing to tell.
    var seconds: Double? { last.withLock { $0 } }

    /// Looks until cancelled.
    func run() async throws {
        while true {
            var seconds: Double?
            do {
                seconds = try await pool.query(statement).first?.get(0, as: Double?.self)
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("a server does not tell of itself", metadata: ["statement": "\(statement.name)", "reason": "\(error)"])
            }
            last.withLock { [seconds] in $0 = seconds }
            try await Task.sleep(for: Self.interval)
        }
    }
}

extension Statement {
    /// A standby that has replayed all that it receives is not behind, however long its primary has written nothing. One that receives nothing any
    /// more is. Every role sees whether there is a receiver, if nothing else of it.
    fileprivate static let replicationLag = Statement(
        "replication_lag",
        """
        SELECT CASE
            WHEN NOT pg_is_in_recovery() THEN 0
            WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
            ELSE extract(epoch FROM clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time()))
        END::double precision
        """)

    /// Where nothing was archived yet, the time counts from when the server began to count.
    fileprivate static let archiveFailure = Statement(
        "wal_archive_failure",
        """
        SELECT CASE
            WHEN current_setting('archive_mode') = 'off' THEN NULL
            WHEN coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
            THEN greatest(0, extract(epoch FROM clock_timestamp() - coalesce(last_archived_time, stats_reset, last_failed_time)))
            ELSE 0
        END::double precision
        FROM pg_stat_archiver
        """)
}

import Logging
import Postgres
import Synchronization

/// Whether the log's server archives its WAL, asked now and then.
final class WALArchive: Sendable {
    private static let interval = Duration.seconds(10)

    private let pool: ConnectionPool
    private let logger: Logger
    private let last = Mutex<Double?>(nil)

    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// How long ago the last segment was archived, when attempts have failed since; else 0. At the last look; nil while the server archives none or
    /// does not answer.
    var failingSeconds: Double? { last.withLock { $0 } }

    /// Looks until cancelled.
    func run() async throws {
        while true {
            var seconds: Double?
            do {
                seconds = try await pool.query(.archiveFailure).first?.get(0, as: Double?.self)
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("the state of the WAL archive could not be read", metadata: ["reason": "\(error)"])
            }
            last.withLock { [seconds] in $0 = seconds }
            try await Task.sleep(for: Self.interval)
        }
    }
}

extension Statement {
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

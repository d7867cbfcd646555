import Logging
import Postgres
import Synchronization

/// How far the server that queries read is behind its primary, asked now and then.
final class ReplicationLag: Sendable {
    private static let interval = Duration.seconds(10)

    private let pool: ConnectionPool
    private let logger: Logger
    private let last = Mutex<Double?>(nil)

    init(_ pool: ConnectionPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// At the last look; nil while the server does not answer.
    var seconds: Double? { last.withLock { $0 } }

    /// Looks until cancelled.
    func run() async throws {
        while true {
            var seconds: Double?
            do {
                seconds = try await pool.query(.replicationLag).first?.get(0, as: Double.self)
            } catch let error as PostgresError {
                try Task.checkCancellation()
                logger.debug("the lag of the read database could not be read", metadata: ["reason": "\(error)"])
            }
            last.withLock { [seconds] in $0 = seconds }
            try await Task.sleep(for: Self.interval)
        }
    }
}

extension Statement {
    /// A standby that has replayed all that it has received is not behind, however long its primary has written nothing.
    fileprivate static let replicationLag = Statement(
        "replication_lag",
        """
        SELECT CASE
            WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)
        END::double precision
        """)
}

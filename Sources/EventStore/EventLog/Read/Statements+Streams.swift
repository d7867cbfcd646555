import Postgres

extension Statement {
    /// Versions $2 to $3 of a stream, oldest first: the columns of `StoredEvent`.
    static let readStreamForwards = Statement(
        "log_read_stream_forwards",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE stream = $1 AND version BETWEEN $2 AND $3
        ORDER BY version
        LIMIT $4
        """)

    /// Versions $2 to $3 of a stream, newest first: the columns of `StoredEvent`.
    static let readStreamBackwards = Statement(
        "log_read_stream_backwards",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE stream = $1 AND version BETWEEN $2 AND $3
        ORDER BY version DESC
        LIMIT $4
        """)

    /// A stream's last version that the log took by a moment; 0 when there is none.
    ///
    /// There is no index on times, and none is needed: versions are 1, 2, 3, … and times never go back along them, so halving finds it in as many probes of the
    /// key as the stream's length has binary digits. LIMIT keeps each probe a probe.
    static let streamVersionAt = Statement(
        "log_stream_version_at",
        """
        WITH RECURSIVE search (low, high) AS (
            SELECT 0, coalesce(max(version), 0) FROM log.events WHERE stream = $1
            UNION ALL
            SELECT
                CASE WHEN probe.recorded_at <= $2 THEN probe.version ELSE search.low END,
                CASE WHEN probe.recorded_at <= $2 THEN search.high ELSE probe.version - 1 END
            FROM search
            CROSS JOIN LATERAL (
                SELECT version, recorded_at
                FROM log.events
                WHERE stream = $1 AND version = search.low + (search.high - search.low + 1) / 2
                LIMIT 1
            ) AS probe
            WHERE search.low < search.high
        )
        SELECT low FROM search WHERE low = high
        """)
}

import Postgres

extension Statement {
    /// A stream after a version, in order: the columns of `StoredEvent`.
    static let loadStream = Statement(
        "log_load_stream",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE stream = $1 AND version > $2
        ORDER BY version
        LIMIT $3
        """)

    /// The same and, in the same snapshot, what is known of a command: six columns of the receipt, then those of `StoredEvent`. At least one row.
    static let loadStreamAndCommand = Statement(
        "log_load_stream_and_command",
        """
        SELECT
            command.digest, command.stream, command.version, command.first_position, command.last_position, command.recorded_at,
            event.position, event.stream, event.version, event.id, event.type, event.schema_version, event.data, event.metadata, event.recorded_at
        FROM (SELECT) AS always
        LEFT JOIN log.commands command ON command.id = $4
        LEFT JOIN LATERAL (
            SELECT * FROM log.events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3
        ) event ON true
        ORDER BY event.version
        """)

    /// The log after a position, in order: the columns of `StoredEvent`.
    static let readLog = Statement(
        "log_read",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE position > $1
        ORDER BY position
        LIMIT $2
        """)

    static let readHead = Statement("log_read_head", "SELECT coalesce(max(position), 0) FROM log.events")

    static let claimHolder = Statement("log_claim_holder", "SELECT stream FROM log.claims WHERE kind = $1 AND hash = $2")

    static let currentClaims = Statement("log_current_claims", "SELECT stream, hash FROM log.claims WHERE stream = ANY ($1) AND kind = $2")
}

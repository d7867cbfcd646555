import Postgres

extension Statement {
    /// Positions $1 to $2 of the log, oldest first: the columns of `StoredEvent`.
    static let readLogForwards = Statement(
        "log_read_forwards",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE position BETWEEN $1 AND $2
        ORDER BY position
        LIMIT $3
        """)

    /// Positions $1 to $2 of the log, newest first: the columns of `StoredEvent`.
    static let readLogBackwards = Statement(
        "log_read_backwards",
        """
        SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
        FROM log.events
        WHERE position BETWEEN $1 AND $2
        ORDER BY position DESC
        LIMIT $3
        """)

    /// Positions $1 to $2 of the log, oldest first, of the types $3: the log's last position in the same snapshot, then the columns of `StoredEvent`. At least
    /// one row.
    ///
    /// Each type gives its own first events, and the first of all these are the page: the work is bounded by page × types, however rare a type is. Comparing rows
    /// and ordering by both columns is what keeps the planner to the index by type. With a plain `type = …` it walks the log by position, in the hope of a match
    /// soon, and for a rare type that is the whole log. A condition on the stream's category would mislead it, too: it does not know that type and category go
    /// together. So that is checked on the rows that come out.
    static let readTypesForwards = Statement(
        "log_read_types_forwards",
        """
        SELECT head.position, event.*
        FROM (SELECT coalesce(max(position), 0) AS position FROM log.events) AS head
        LEFT JOIN LATERAL (
            SELECT event.*
            FROM unnest($3::text[]) AS wanted (type)
            CROSS JOIN LATERAL (
                SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
                FROM log.events
                WHERE (type, position) >= (wanted.type, $1) AND (type, position) <= (wanted.type, $2)
                ORDER BY type, position
                LIMIT $4
            ) AS event
            ORDER BY event.position
            LIMIT $4
        ) AS event ON true
        ORDER BY event.position
        """)

    /// The same, newest first and without the log's last position: the columns of `StoredEvent`.
    static let readTypesBackwards = Statement(
        "log_read_types_backwards",
        """
        SELECT event.*
        FROM unnest($3::text[]) AS wanted (type)
        CROSS JOIN LATERAL (
            SELECT position, stream, version, id, type, schema_version, data, metadata, recorded_at
            FROM log.events
            WHERE (type, position) >= (wanted.type, $1) AND (type, position) <= (wanted.type, $2)
            ORDER BY type DESC, position DESC
            LIMIT $4
        ) AS event
        ORDER BY event.position DESC
        LIMIT $4
        """)
}

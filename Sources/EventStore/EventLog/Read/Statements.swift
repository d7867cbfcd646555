import EventSourcing
import Postgres

/// Further conditions on the events of a stream's read: types $5, and a field $6 in the open or among the sealed. Both may be NULL.
///
/// The names of fields have a column of their own: `data ? $6` would fetch and unpack each large value on the way, inside the database.
private let wanted = "($5::text[] IS NULL OR type = ANY ($5)) AND ($6::text IS NULL OR $6 = ANY (string_to_array(fields, ' ')))"

extension Statement {
    /// The columns of an event, as `RecordedEvent` reads them.
    static let eventColumns = "position, stream, version, id, type, schema_version, data, metadata, recorded_at"

    /// A page: those of `found`, which come in this order, up to the one that brings their data to so many stored bytes, and at least one. The
    /// columns of an event, and whether `found` ends with the event. A size is read from the row, so what is cut off is never fetched from where
    /// large values are.
    static func page(of found: String, by order: String, bytes: String = "\(PageBytes.usual)") -> String {
        """
        SELECT \(eventColumns), is_end
        FROM (
            SELECT \(eventColumns), sum(pg_column_size(data)) OVER walk AS bytes, lead(version) OVER walk IS NULL AS is_end
            FROM (\(found)) AS found
            WINDOW walk AS (ORDER BY \(order) ROWS UNBOUNDED PRECEDING)
        ) AS sized
        WHERE bytes - pg_column_size(data) < \(bytes)
        ORDER BY \(order)
        """
    }
}

// Each read gives the columns of `page`.
extension Statement {
    /// A stream after a version, in order.
    private static let loaded = page(
        of: "SELECT \(eventColumns) FROM log.events WHERE stream = $1 AND version > $2 ORDER BY version LIMIT $3", by: "version",
        bytes: "\(PageBytes.load)")

    static let loadStream = Statement("log_load_stream", loaded)

    /// The same and, in the same snapshot, what is known of a command: six columns of the receipt, then those of the event. At least one row.
    static let loadStreamAndCommand = Statement(
        "log_load_stream_and_command",
        """
        SELECT
            command.digest, command.stream, command.version, command.first_position, command.last_position, command.recorded_at, event.*
        FROM (SELECT) AS always
        LEFT JOIN log.commands command ON command.id = $4
        LEFT JOIN LATERAL (\(loaded)) event ON true
        ORDER BY event.version
        """)

    /// Waits for the standbys that commits wait for.
    static let confirm = Statement("log_confirm", "SELECT log.confirm()")

    static let readHead = Statement("log_read_head", "SELECT coalesce(max(position), 0) FROM log.events")

    /// Whole seconds that the clock is behind the last event's time.
    static let clockLag = Statement(
        "log_clock_lag",
        "SELECT trunc(extract(epoch FROM recorded_at - clock_timestamp()))::bigint FROM log.events ORDER BY position DESC LIMIT 1")

    static let claimHolder = Statement("log_claim_holder", "SELECT stream FROM log.claims WHERE kind = $1 AND hash = $2")

    static let currentClaims = Statement("log_current_claims", "SELECT stream, hash FROM log.claims WHERE stream = ANY ($1) AND kind = $2")
}

/// Parts of the whole log.
extension Statement {
    /// Positions $1 to $2 of the log.
    static func readLog(_ direction: ReadDirection) -> Statement { direction == .forwards ? readLogForwards : readLogBackwards }

    private static let readLogForwards = readLog("log_read_forwards", order: "position")
    private static let readLogBackwards = readLog("log_read_backwards", order: "position DESC")

    private static func readLog(_ name: String, order: String) -> Statement {
        Statement(
            name,
            page(of: "SELECT \(eventColumns) FROM log.events WHERE position BETWEEN $1 AND $2 ORDER BY \(order) LIMIT $3", by: order))
    }

    /// Positions $1 to $2 of the log, oldest first, of the types $3: the log's last position in the same snapshot, then the columns of the event. At
    /// least one row.
    ///
    /// Each type gives its own first events, and the first of all these are the page: the work is bounded by page × types, however rare a type is.
    /// Comparing rows and ordering by both columns is what keeps the planner to the index by type. With a plain `type = …` it walks the log by
    /// position, in the hope of a match soon, and for a rare type that is the whole log. A condition on the stream's category would mislead it, too:
    /// it does not know that type and category go together. So that is checked on the rows that come out.
    static let readTypesForwards = Statement(
        "log_read_types_forwards",
        """
        SELECT head.position, event.*
        FROM (SELECT coalesce(max(position), 0) AS position FROM log.events) AS head
        LEFT JOIN LATERAL (\(page(of: ofTypes(oldestFirst: true), by: "position"))) AS event ON true
        ORDER BY event.position
        """)

    /// The same, newest first and without the log's last position.
    static let readTypesBackwards = Statement(
        "log_read_types_backwards", page(of: ofTypes(oldestFirst: false), by: "position DESC"))

    private static func ofTypes(oldestFirst: Bool) -> String {
        let order = oldestFirst ? "" : " DESC"
        return """
            SELECT event.*
            FROM unnest($3::text[]) AS wanted (type)
            CROSS JOIN LATERAL (
                SELECT \(eventColumns)
                FROM log.events
                WHERE (type, position) >= (wanted.type, $1) AND (type, position) <= (wanted.type, $2)
                ORDER BY type\(order), position\(order)
                LIMIT $4
            ) AS event
            ORDER BY event.position\(order)
            LIMIT $4
            """
    }
}

/// Parts of one stream. A page has $7 bytes.
extension Statement {
    /// Versions $2 to $3 of a stream.
    static func readStream(_ direction: ReadDirection) -> Statement { direction == .forwards ? readStreamForwards : readStreamBackwards }

    private static let readStreamForwards = readStream("log_read_stream_forwards", order: "version")
    private static let readStreamBackwards = readStream("log_read_stream_backwards", order: "version DESC")

    private static func readStream(_ name: String, order: String) -> Statement {
        let found =
            "SELECT \(eventColumns) FROM log.events WHERE stream = $1 AND version BETWEEN $2 AND $3 AND \(wanted) ORDER BY \(order) LIMIT $4"
        return Statement(name, page(of: found, by: order, bytes: "$7"))
    }

    /// A stream's last version that the log took by a moment; 0 when there is none.
    ///
    /// There is no index on times, and none is needed: versions are 1, 2, 3, … and times never go back along them, so halving finds it in as many
    /// probes of the key as the stream's length has binary digits. LIMIT keeps each probe a probe.
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

import Postgres

// Parameters of a page: $1 after, $2 until, $3 rows to look at, $4 bytes, $5 events, $6 actor, $7 correlation, $8 types, $9 stream.
//
// Columns of a page: those of the event; the stored bytes up to and with it; how many rows were looked at, and the last one's position. Sizes are
// counted as the table stores them, so that a page ends before a large event has been fetched: large values are sealed, and sealed text does not
// compress.

/// The columns of an event, as `StoredEventRow` reads them.
private let columns = "position, stream, version, id, type, schema_version, data, metadata, recorded_at"

extension Statement {
    /// The last position up to $2 that the log took by the moment $1; 0 when there is none.
    ///
    /// There is no index on times, and none is needed: they never go back along positions, so halving finds it in as many probes of the key as the
    /// log's length has binary digits. A probe takes the next position that is there, so that it finds its way even in a log with holes.
    static let trailPositionAt = Statement(
        "trail_position_at",
        """
        WITH RECURSIVE search (low, high) AS (
            SELECT 0::bigint, $2::bigint
            UNION ALL
            SELECT
                CASE WHEN probe.recorded_at <= $1 THEN search.low + (search.high - search.low + 1) / 2 ELSE search.low END,
                CASE WHEN probe.recorded_at <= $1 THEN search.high ELSE search.low + (search.high - search.low + 1) / 2 - 1 END
            FROM search
            CROSS JOIN LATERAL (
                SELECT recorded_at FROM log.events WHERE position >= search.low + (search.high - search.low + 1) / 2 ORDER BY position LIMIT 1
            ) AS probe
            WHERE search.low < search.high
        )
        SELECT low FROM search WHERE low = high
        """)

    /// Every event: nothing to filter, so nothing is gathered before it is sent. One pass with a running sum costs no more than the bare rows.
    /// Positions bound the page, not rows, and the sum is that of the positions before: should a position be there twice, both rows are in one page.
    static let trailOfAll = Statement(
        "trail_of_all",
        """
        SELECT \(columns), before + pg_column_size(data), 0::bigint, 0::bigint
        FROM (
            SELECT \(columns),
                coalesce(sum(pg_column_size(data)) OVER (ORDER BY position RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
            FROM log.events
            WHERE position > $1 AND position <= least($2, $1 + least($3::bigint, $5::bigint))
        ) AS sized
        WHERE before < $4
        ORDER BY position
        """)

    /// For conditions without an index: the events are looked at in their order.
    static let trailOfPositions = filtered(
        "trail_of_positions",
        """
        candidates AS MATERIALIZED (
            SELECT \(columns) FROM log.events
            WHERE position > $1 AND position <= $2
            ORDER BY position
            LIMIT $3
        )
        """)

    /// By the index on types. The comparison of rows keeps the planner to it (docs/decisions/0008).
    static let trailOfTypes = filtered(
        "trail_of_types",
        """
        candidates AS MATERIALIZED (
            SELECT event.*
            FROM unnest($8::text[]) AS wanted (type)
            CROSS JOIN LATERAL (
                SELECT \(columns) FROM log.events
                WHERE (type, position) > (wanted.type, $1) AND (type, position) <= (wanted.type, $2)
                ORDER BY type, position
                LIMIT $3
            ) AS event
            ORDER BY event.position
            LIMIT $3
        )
        """)

    /// By the key of streams: positions grow along versions, so halving finds where to begin.
    static let trailOfStream = filtered(
        "trail_of_stream",
        """
        search (low, high) AS (
            SELECT 0, coalesce(max(version), 0) FROM log.events WHERE stream = $9
            UNION ALL
            SELECT
                CASE WHEN probe.position <= $1 THEN search.low + (search.high - search.low + 1) / 2 ELSE search.low END,
                CASE WHEN probe.position <= $1 THEN search.high ELSE search.low + (search.high - search.low + 1) / 2 - 1 END
            FROM search
            CROSS JOIN LATERAL (
                SELECT position
                FROM log.events
                WHERE stream = $9 AND version >= search.low + (search.high - search.low + 1) / 2
                ORDER BY version
                LIMIT 1
            ) AS probe
            WHERE search.low < search.high
        ), candidates AS MATERIALIZED (
            SELECT \(columns) FROM log.events
            WHERE stream = $9 AND version > (SELECT low FROM search WHERE low = high)
            ORDER BY version
            LIMIT $3
        )
        """)

    /// Those of the candidates that are wanted, at least one row. The filters apply to rows that have been found: on the way there they would let the
    /// planner hope for an early match, and walk through the whole log.
    private static func filtered(_ name: String, _ candidates: String) -> Statement {
        Statement(
            name,
            """
            WITH RECURSIVE \(candidates)
            SELECT
                page.position, page.stream, page.version, page.id, page.type, page.schema_version, page.data, page.metadata, page.recorded_at,
                page.bytes, seen.count, seen.through
            FROM (SELECT count(*) AS count, max(position) AS through FROM candidates) AS seen
            LEFT JOIN LATERAL (
                SELECT *
                FROM (
                    SELECT *, sum(pg_column_size(data)) OVER (ORDER BY position ROWS UNBOUNDED PRECEDING) AS bytes
                    FROM candidates
                    WHERE position > $1 AND position <= $2
                        AND ($6::text IS NULL OR metadata ->> 'actor' = $6)
                        AND ($7::text IS NULL OR metadata ->> 'correlation' = $7)
                        AND ($8::text[] IS NULL OR type = ANY ($8))
                ) AS sized
                WHERE bytes - pg_column_size(data) < $4
                ORDER BY position
                LIMIT $5
            ) AS page ON true
            ORDER BY page.position
            """)
    }
}

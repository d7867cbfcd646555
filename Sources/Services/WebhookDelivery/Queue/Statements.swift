import Postgres

extension Statement {
    static let openQueue = Statement(
        "webhook_open_queue",
        """
        WITH opened AS (
            INSERT INTO relay.webhooks (webhook, enqueued, commanded) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING RETURNING enqueued, commanded
        )
        SELECT enqueued, commanded FROM opened UNION ALL SELECT enqueued, commanded FROM relay.webhooks WHERE webhook = $1 LIMIT 1
        """)

    /// Moves a queue on, if it is where its worker believes.
    static let moveQueue = Statement(
        "webhook_move_queue",
        "UPDATE relay.webhooks SET enqueued = $4, commanded = $5 WHERE webhook = $1 AND enqueued = $2 AND commanded = $3")

    /// A delivery that was there already, of a test that is replayed, say, begins anew.
    static let enqueue = Statement(
        "webhook_enqueue",
        """
        INSERT INTO relay.webhook_deliveries (webhook, position, event, type, stream, first_due_at, due_at)
        SELECT $1, position, event, type, stream, $6, $6
        FROM unnest($2::bigint[], $3::uuid[], $4::text[], $5::text[]) AS wanted (position, event, type, stream)
        ON CONFLICT (webhook, position) DO UPDATE
        SET state = 'pending', attempts = 0, first_due_at = $6, due_at = $6, last_attempt_at = NULL, last_status = NULL, last_error = NULL
        """)

    static let dropPending = Statement(
        "webhook_drop_pending", "DELETE FROM relay.webhook_deliveries WHERE webhook = $1 AND state = 'pending'")

    /// Before a replay: what is to be taken up again. A test is not.
    static let dropReplayed = Statement(
        "webhook_drop_replayed",
        "DELETE FROM relay.webhook_deliveries WHERE webhook = $1 AND state = 'pending' AND position > $2 AND stream <> 'webhook-' || $1::text")

    static let countPending = Statement(
        "webhook_count_pending", "SELECT count(*) FROM relay.webhook_deliveries WHERE webhook = $1 AND state = 'pending'")

    /// The first of each stream but these, the one that is due soonest first. None is due while its queue is held.
    static let firstOfStreams = Statement(
        "webhook_first_of_streams",
        """
        SELECT position, event, stream, attempts, first_due_at,
            greatest(due_at, (SELECT held_until FROM relay.webhooks WHERE webhook = $1)) AS due_at
        FROM (
            SELECT DISTINCT ON (stream) position, event, stream, attempts, first_due_at, due_at FROM relay.webhook_deliveries
            WHERE webhook = $1 AND state = 'pending' AND stream <> ALL ($2) ORDER BY stream, position
        ) AS first ORDER BY due_at, position LIMIT $3
        """)

    static let noteAttempt = Statement(
        "webhook_note_attempt",
        """
        UPDATE relay.webhook_deliveries
        SET state = $3, attempts = attempts + 1, due_at = $4, last_attempt_at = $5, last_status = $6, last_error = $7
        WHERE webhook = $1 AND position = $2 AND state = 'pending'
        """)

    /// The receiver asks for a pause: nothing is sent to it before, also nothing that comes meanwhile.
    static let holdQueue = Statement(
        "webhook_hold_queue", "UPDATE relay.webhooks SET held_until = greatest(held_until, $2) WHERE webhook = $1")

    static let closeQueue = Statement("webhook_close_queue", "DELETE FROM relay.webhooks WHERE webhook = $1")

    static let prune = Statement(
        "webhook_prune", "DELETE FROM relay.webhook_deliveries WHERE state <> 'pending' AND last_attempt_at < $1")

    static let deliveries = Statement(
        "webhook_deliveries",
        """
        SELECT position, event, type, stream, state, attempts,
            greatest(due_at, (SELECT held_until FROM relay.webhooks WHERE webhook = $1)), last_attempt_at, last_status, last_error
        FROM relay.webhook_deliveries
        WHERE webhook = $1 AND position < $2 AND ($3::text IS NULL OR state = $3) ORDER BY position DESC LIMIT $4
        """)

    static let deliveryCounts = Statement(
        "webhook_delivery_counts",
        """
        SELECT webhook, count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'parked'),
            max(last_attempt_at) FILTER (WHERE state = 'delivered'), count(*)
        FROM relay.webhook_deliveries WHERE webhook = ANY ($1) GROUP BY webhook
        """)
}

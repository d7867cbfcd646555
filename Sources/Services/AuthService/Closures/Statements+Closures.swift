import Postgres

private let columns = """
    SELECT closure.id, closure.user_id, closure.status, closure.expected_version, closure.correlation, closure.requested_at, closure.failures,
        closure.receipt, closure.receipt_kid, done.step, done.done_at, done.position, done.count
    FROM identity.closures AS closure LEFT JOIN identity.closure_steps AS done ON done.closure_id = closure.id
    """

extension Statement {
    static let closureByID = Statement("closure_by_id", "\(columns) WHERE closure.id = $1 ORDER BY done.number")

    static let closuresOfUser = Statement(
        "closures_of_user", "\(columns) WHERE closure.user_id = $1 ORDER BY closure.requested_at, closure.id, done.number")

    static let beginClosure = Statement(
        "begin_closure",
        """
        INSERT INTO identity.closures (id, user_id, status, expected_version, correlation, requested_at, lease, leased_until)
        VALUES ($1, $2, 'running', $3, $4, $5, $6, $7)
        ON CONFLICT (user_id) WHERE status <> 'refused' DO NOTHING
        """)

    static let leaseClosure = Statement(
        "lease_closure",
        """
        UPDATE identity.closures SET lease = $1, leased_until = $3
        WHERE id = (
            SELECT id FROM identity.closures WHERE status = 'running' AND (leased_until <= $2 OR leased_until > $4)
            ORDER BY leased_until LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        RETURNING id
        """)

    static let runningClosure = Statement("running_closure", "SELECT 1 FROM identity.closures WHERE status = 'running' LIMIT 1")

    // The update locks the closure's row, so only the present holder of the lease can record a step.
    static let recordClosureStep = Statement(
        "record_closure_step",
        """
        WITH held AS (
            UPDATE identity.closures SET leased_until = $3, failures = 0 WHERE id = $1 AND lease = $2 AND status = 'running' RETURNING id
        )
        INSERT INTO identity.closure_steps (closure_id, number, step, done_at, position, count) SELECT id, $4, $5, $6, $7, $8 FROM held
        """)

    static let renewClosure = Statement(
        "renew_closure", "UPDATE identity.closures SET leased_until = $3 WHERE id = $1 AND lease = $2 AND status = 'running'")

    static let releaseClosure = Statement(
        "release_closure",
        """
        UPDATE identity.closures SET lease = NULL, leased_until = $3, failures = failures + CASE WHEN $4 THEN 1 ELSE 0 END
        WHERE id = $1 AND lease = $2 AND status = 'running'
        """)

    static let refuseClosure = Statement(
        "refuse_closure",
        """
        UPDATE identity.closures SET status = 'refused', lease = NULL
        WHERE id = $1 AND lease = $2 AND status = 'running' AND NOT EXISTS (SELECT FROM identity.closure_steps WHERE closure_id = $1)
        """)

    static let finishClosure = Statement(
        "finish_closure",
        """
        UPDATE identity.closures SET status = 'done', lease = NULL, receipt = $2, receipt_kid = $3
        WHERE id = $1 AND EXISTS (SELECT FROM identity.closure_steps WHERE closure_id = $1 AND step = 'sign-receipt')
        """)
}

-- The holder's sign of life, as before, and what it must know: where its models' checkpoints are, and under which token. A crash of the server takes back commits that
-- did not wait for the disk, and others may take a lease; whoever waits for the log's next event meets neither. Rows that are locked are answered for, too.
DROP FUNCTION annals.renew_leases(text, text[]);
CREATE FUNCTION annals.renew_leases(for_holder text, for_models text[])
RETURNS TABLE (of_model text, at_position bigint, under_token bigint) LANGUAGE sql AS $$
    WITH held AS (
        SELECT model, least(greatest(extract(epoch FROM clock_timestamp() - rated_at)::float8, 0.001), 60) AS seconds
        FROM annals.checkpoints WHERE lease_holder = for_holder AND model = ANY (for_models) FOR UPDATE SKIP LOCKED
    ), renewed AS (
        UPDATE annals.checkpoints AS c
        SET lease_expires_at = clock_timestamp() + annals.lease_duration(),
            -- A mean that forgets: what is 3 seconds old counts for a third of what is new. Cut off, since an ever smaller number would be refused in the end.
            rate = trunc((rate + (greatest(0, c.position - rated_position) / seconds - rate) * (1 - exp(-seconds / 3)))::numeric, 3),
            rated_position = c.position,
            rated_at = clock_timestamp()
        FROM held WHERE c.model = held.model
    )
    SELECT model, position, lease_token FROM annals.checkpoints WHERE model = ANY (for_models)
$$;
REVOKE ALL ON FUNCTION annals.renew_leases FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.renew_leases TO annals_projector;

-- As before, and the rate begins anew: while nobody held the lease nothing was applied.
CREATE OR REPLACE FUNCTION annals.acquire_lease(for_model text, new_holder text) RETURNS bigint LANGUAGE sql AS $$
    UPDATE annals.checkpoints
    SET lease_token = lease_token + 1, lease_holder = new_holder, lease_expires_at = clock_timestamp() + annals.lease_duration(),
        rate = 0, rated_position = position, rated_at = clock_timestamp()
    WHERE model = for_model AND (lease_holder IS NULL OR lease_holder = new_holder OR lease_expires_at <= clock_timestamp())
    RETURNING lease_token
$$;

-- Who may write a read model's tables: one projector at a time. The token goes up with every change of hands, and advance_checkpoint compares it, so that whoever
-- lost the lease without noticing (stopped, swapped out, cut off) can not write any more.
ALTER TABLE annals.checkpoints
    ADD COLUMN lease_holder text,
    ADD COLUMN lease_expires_at timestamptz(3),
    ADD COLUMN rate real NOT NULL DEFAULT 0, -- events a second, over the last few heartbeats
    ADD COLUMN rated_position bigint NOT NULL DEFAULT 0,
    ADD COLUMN rated_at timestamptz(3) NOT NULL DEFAULT now(),
    ADD CONSTRAINT checkpoints_lease CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL));

-- How long a lease outlives its holder's last sign of life.
CREATE FUNCTION annals.lease_duration() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '3 seconds' $$;

-- The new token; NULL while somebody else holds the lease. By this database's clock: those of the projectors' machines may differ.
CREATE FUNCTION annals.acquire_lease(for_model text, new_holder text) RETURNS bigint LANGUAGE sql AS $$
    UPDATE annals.checkpoints
    SET lease_token = lease_token + 1, lease_holder = new_holder, lease_expires_at = clock_timestamp() + annals.lease_duration()
    WHERE model = for_model AND (lease_holder IS NULL OR lease_holder = new_holder OR lease_expires_at <= clock_timestamp())
    RETURNING lease_token
$$;

-- The holder's sign of life. A row that is locked is being advanced at this moment, which renews it, too.
CREATE FUNCTION annals.renew_leases(for_holder text, for_models text[]) RETURNS void LANGUAGE sql AS $$
    WITH held AS (
        SELECT model FROM annals.checkpoints WHERE lease_holder = for_holder AND model = ANY (for_models) FOR UPDATE SKIP LOCKED
    )
    UPDATE annals.checkpoints AS c
    SET lease_expires_at = clock_timestamp() + annals.lease_duration(),
        rate = greatest(0, c.position - rated_position) / greatest(0.001, extract(epoch FROM clock_timestamp() - rated_at)),
        rated_position = c.position,
        rated_at = clock_timestamp()
    FROM held WHERE c.model = held.model
$$;

CREATE FUNCTION annals.release_leases(for_holder text) RETURNS void LANGUAGE sql AS $$
    UPDATE annals.checkpoints SET lease_holder = NULL, lease_expires_at = NULL, rate = 0 WHERE lease_holder = for_holder
$$;

-- As before, and a sign of life: a projector that is busy needs no other.
CREATE OR REPLACE FUNCTION annals.advance_checkpoint(
    for_model text, for_version text, expected_position bigint, expected_lease bigint, new_position bigint, new_event_id uuid
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    actual annals.checkpoints;
BEGIN
    SELECT * INTO actual FROM annals.checkpoints WHERE model = for_model FOR UPDATE;
    IF actual.model IS NULL THEN
        RAISE EXCEPTION 'read model % has no checkpoint', for_model USING ERRCODE = 'AN010';
    END IF;
    IF (actual.version, actual.position, actual.lease_token) IS DISTINCT FROM (for_version, expected_position, expected_lease) THEN
        RAISE EXCEPTION 'checkpoint of % is at % of version % under lease %, not at % of version % under lease %',
            for_model, actual.position, actual.version, actual.lease_token, expected_position, for_version, expected_lease
            USING ERRCODE = 'AN010';
    END IF;
    IF new_position <= expected_position THEN
        RAISE EXCEPTION 'checkpoint of % can not go from % to %', for_model, expected_position, new_position USING ERRCODE = 'AN010';
    END IF;
    UPDATE annals.checkpoints
    SET position = new_position, event_id = new_event_id, failing_at = NULL, updated_at = clock_timestamp(),
        lease_expires_at = CASE WHEN lease_holder IS NOT NULL THEN clock_timestamp() + annals.lease_duration() END
    WHERE model = for_model;
END
$$;

REVOKE ALL ON FUNCTION annals.acquire_lease, annals.renew_leases, annals.release_leases, annals.lease_duration FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.acquire_lease, annals.renew_leases, annals.release_leases, annals.lease_duration TO annals_projector;

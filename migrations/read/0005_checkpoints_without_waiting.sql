-- As before, and the transaction that moves a checkpoint does not wait for the disk. What a crash of the server takes back it takes back whole, rows and checkpoint, from
-- the end: the projector finds itself where it was a moment before and applies the same events again. Nothing else relies on them; the log waits for its disk.
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
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE annals.checkpoints
    SET position = new_position, event_id = new_event_id, failing_at = NULL, updated_at = clock_timestamp(),
        lease_expires_at = CASE WHEN lease_holder IS NOT NULL THEN clock_timestamp() + annals.lease_duration() END
    WHERE model = for_model;
END
$$;

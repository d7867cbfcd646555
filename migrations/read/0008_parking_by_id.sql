-- Streams of one id change the same rows, as a post and its views do, so they wait together: what is parked is an id.
CREATE INDEX parked_events_id ON annals.parked_events (build, stream_id, position);
DROP INDEX annals.parked_events_stream;

-- As before, and streams of one id are one.
CREATE OR REPLACE FUNCTION annals.park_stream(
    for_build bigint, at_position bigint, for_stream text, for_stream_id uuid, for_type text, with_sqlstate text, with_violated text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    live_build bigint := (SELECT c.build FROM annals.checkpoints AS c JOIN annals.builds AS b USING (model) WHERE b.build = for_build);
BEGIN
    IF NOT EXISTS (SELECT FROM annals.parked_events WHERE build = live_build AND stream_id = for_stream_id)
        AND (SELECT count(*) FROM annals.parked_events AS p
            WHERE build = for_build AND state = 'failed' AND parked_at > clock_timestamp() - interval '1 minute'
                AND NOT EXISTS (SELECT FROM annals.parked_events AS l WHERE l.build = live_build AND l.stream_id = p.stream_id)) >= 20
    THEN
        RAISE EXCEPTION 'more than 20 streams of build % were parked within a minute', for_build USING ERRCODE = 'AN011';
    END IF;
    INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state, sqlstate, violated)
    VALUES (for_build, at_position, for_stream, for_stream_id, for_type, 'failed', with_sqlstate, with_violated);
END
$$;

-- What still waited for an id has become pointless: the person or the post is gone.
CREATE FUNCTION annals.discard_waiting(for_build bigint, for_stream_id uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE annals.parked_events SET state = 'discarded' WHERE build = for_build AND stream_id = for_stream_id
$$;
REVOKE ALL ON FUNCTION annals.discard_waiting FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.discard_waiting TO annals_projector;
DROP FUNCTION annals.discard_stream;

-- Each set of tables that is made for a read model has a number of its own: what is parked belongs to the tables it is missing from.
CREATE SEQUENCE annals.build_numbers;
GRANT USAGE ON SEQUENCE annals.build_numbers TO annals_projector;
ALTER TABLE annals.checkpoints ADD COLUMN build bigint NOT NULL DEFAULT nextval('annals.build_numbers') UNIQUE;

-- Events that tables lack: one that could not be applied, and those of its stream that came after it and wait. Positions only; the events are in the log.
CREATE TABLE annals.parked_events (
    build bigint NOT NULL,
    position bigint NOT NULL,
    stream text NOT NULL,
    stream_id uuid NOT NULL,
    type text NOT NULL,
    state text NOT NULL CHECK (state IN ('failed', 'waiting', 'discarded')),
    sqlstate text, -- of the failure; NULL when the event's own data could not be read as its type says
    violated text, -- the constraint, where there was one. Never the row
    parked_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build, position)
);
CREATE INDEX parked_events_entity ON annals.parked_events (stream_id, position) WHERE state <> 'discarded';
GRANT SELECT, INSERT, UPDATE, DELETE ON annals.parked_events TO annals_projector;
GRANT SELECT ON annals.parked_events TO annals_queries;

-- Parks the stream of an event at fault. More than 20 streams within a minute: it is the statement that is wrong and not the data, and whoever applies must stop.
CREATE FUNCTION annals.park_stream(
    for_build bigint, at_position bigint, for_stream text, for_stream_id uuid, for_type text, with_sqlstate text, with_violated text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM annals.parked_events
        WHERE build = for_build AND state = 'failed' AND parked_at > clock_timestamp() - interval '1 minute') >= 20
    THEN
        RAISE EXCEPTION 'more than 20 streams of build % were parked within a minute', for_build USING ERRCODE = 'AN011';
    END IF;
    INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state, sqlstate, violated)
    VALUES (for_build, at_position, for_stream, for_stream_id, for_type, 'failed', with_sqlstate, with_violated);
END
$$;

-- Queues events behind the one at fault of their stream.
CREATE FUNCTION annals.park_behind(for_build bigint, positions bigint[], streams text[], stream_ids uuid[], types text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
    SELECT for_build, e.position, e.stream, e.stream_id, e.type, 'waiting'
    FROM unnest(positions, streams, stream_ids, types) AS e (position, stream, stream_id, type)
$$;

-- What a stream still waited with has become pointless: the person behind it is gone.
CREATE FUNCTION annals.discard_stream(for_build bigint, for_stream text) RETURNS void LANGUAGE sql AS $$
    UPDATE annals.parked_events SET state = 'discarded' WHERE build = for_build AND stream = for_stream
$$;

REVOKE ALL ON FUNCTION annals.park_stream, annals.park_behind, annals.discard_stream FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.park_stream, annals.park_behind, annals.discard_stream TO annals_projector;

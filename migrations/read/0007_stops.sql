-- Why a projector has given a model up, where every process and every operator can see it. It belongs to one build: other tables may be better off.
ALTER TABLE annals.checkpoints
    ADD COLUMN stopped_reason text,
    -- The log does not hold what these tables were made from: their position says nothing about the log that is there now.
    ADD COLUMN has_diverged boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT checkpoints_diverged CHECK (NOT has_diverged OR stopped_reason IS NOT NULL);

-- As before, and the new tables are given a new chance.
CREATE OR REPLACE FUNCTION annals.swap_build(for_build bigint, new_folder_version text, may_go_back boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new annals.builds;
    old annals.checkpoints;
    kept_schema text;
BEGIN
    SELECT * INTO new FROM annals.builds WHERE build = for_build FOR UPDATE;
    SELECT * INTO old FROM annals.checkpoints WHERE model = new.model FOR UPDATE;
    IF old.model IS NULL OR (new.position < old.position AND NOT may_go_back) THEN
        RAISE EXCEPTION 'build % of % is at %, behind the live tables at %', for_build, new.model, new.position, old.position USING ERRCODE = 'AN010';
    END IF;
    kept_schema := new.model || '__' || old.build;
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', new.model, kept_schema);
    EXECUTE format('ALTER SCHEMA %I RENAME TO %I', new.schema_name, new.model);
    DELETE FROM annals.builds WHERE build = for_build;
    UPDATE annals.builds SET purpose = 'retired' WHERE model = new.model AND purpose = 'previous';
    INSERT INTO annals.builds (build, model, version, purpose, schema_name, position, event_id)
    VALUES (old.build, old.model, old.version, 'previous', kept_schema, old.position, old.event_id);
    UPDATE annals.checkpoints
    SET build = new.build, version = new.version, folder_version = coalesce(new_folder_version, folder_version), position = new.position,
        event_id = new.event_id, lease_token = lease_token + 1, failing_at = NULL, stopped_reason = NULL, has_diverged = false,
        updated_at = clock_timestamp()
    WHERE model = new.model;
END
$$;

-- As before, and for tables that are not live those streams do not count that the live ones have parked too, or left out: a fold meets within a minute what the live
-- tables met over years.
CREATE OR REPLACE FUNCTION annals.park_stream(
    for_build bigint, at_position bigint, for_stream text, for_stream_id uuid, for_type text, with_sqlstate text, with_violated text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    live_build bigint := (SELECT c.build FROM annals.checkpoints AS c JOIN annals.builds AS b USING (model) WHERE b.build = for_build);
BEGIN
    IF NOT EXISTS (SELECT FROM annals.parked_events WHERE build = live_build AND stream = for_stream)
        AND (SELECT count(*) FROM annals.parked_events AS p
            WHERE build = for_build AND state = 'failed' AND parked_at > clock_timestamp() - interval '1 minute'
                AND NOT EXISTS (SELECT FROM annals.parked_events AS l WHERE l.build = live_build AND l.stream = p.stream)) >= 20
    THEN
        RAISE EXCEPTION 'more than 20 streams of build % were parked within a minute', for_build USING ERRCODE = 'AN011';
    END IF;
    INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state, sqlstate, violated)
    VALUES (for_build, at_position, for_stream, for_stream_id, for_type, 'failed', with_sqlstate, with_violated);
END
$$;
CREATE INDEX parked_events_stream ON annals.parked_events (build, stream);

-- Tables of read models that are not live: being made, being compared, or kept from before. Each lies in a schema of its own, which no other build ever has: whoever
-- still writes for a build that was given up writes nowhere.
CREATE TABLE annals.builds (
    build bigint PRIMARY KEY,
    model text NOT NULL,
    version text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('rebuild', 'verification', 'previous', 'retired')),
    schema_name text NOT NULL UNIQUE,
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id uuid,
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    CHECK ((position = 0) = (event_id IS NULL)),
    FOREIGN KEY (model, version) REFERENCES annals.read_model_versions
);
CREATE UNIQUE INDEX builds_previous ON annals.builds (model) WHERE purpose = 'previous';
GRANT SELECT, INSERT, UPDATE, DELETE ON annals.builds TO annals_projector;

-- For a build what advance_checkpoint is for the live tables.
CREATE FUNCTION annals.advance_build(for_build bigint, expected_position bigint, new_position bigint, new_event_id uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE annals.builds SET position = new_position, event_id = new_event_id WHERE build = for_build AND position = expected_position;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'build % is not at position %', for_build, expected_position USING ERRCODE = 'AN010';
    END IF;
END
$$;

-- Makes a build the live tables of its model and keeps those that were. The lease's token goes up, so that a projector at work looks anew at what it writes to.
CREATE FUNCTION annals.swap_build(for_build bigint, new_folder_version text, may_go_back boolean) RETURNS void LANGUAGE plpgsql AS $$
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
        event_id = new.event_id, lease_token = lease_token + 1, failing_at = NULL, updated_at = clock_timestamp()
    WHERE model = new.model;
END
$$;

-- Removes a build that is not live, with all that belongs to it.
CREATE FUNCTION annals.drop_build(for_build bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dropped annals.builds;
BEGIN
    DELETE FROM annals.builds WHERE build = for_build RETURNING * INTO dropped;
    DELETE FROM annals.parked_events WHERE build = dropped.build;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', dropped.schema_name);
END
$$;

REVOKE ALL ON FUNCTION annals.advance_build, annals.swap_build, annals.drop_build FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.advance_build, annals.swap_build, annals.drop_build TO annals_projector;

-- What the read models share. Each model's own tables live in a schema of its name, made by the projector from projections/<model>/.

-- Roles belong to the cluster: another database's migrations may have made them, or be making them now.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['annals_projector', 'annals_queries'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        -- An owner that is no superuser must be a member to set default privileges for the role.
        IF NOT pg_has_role(current_user, wanted, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO %I', wanted, current_user);
        END IF;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO annals_projector', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_queries', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA annals;
GRANT USAGE ON SCHEMA annals TO annals_projector, annals_queries;

-- The SQL of each version that was ever applied, so that it can go on when its files have changed or are gone.
CREATE TABLE annals.read_model_versions (
    model text NOT NULL,
    version text NOT NULL, -- SHA-256 of the folder, hexadecimal
    sql jsonb NOT NULL, -- file name → text
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (model, version)
);

-- How far each live read model has come. Written only by advance_checkpoint, in the transaction that changes the model's rows.
CREATE TABLE annals.checkpoints (
    model text PRIMARY KEY,
    version text NOT NULL, -- the one that is applied
    folder_version text NOT NULL, -- the one on disk; another one means stale
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id uuid, -- of the event at position: a log restored to an older state has another there, or none
    lease_token bigint NOT NULL DEFAULT 0,
    failing_at bigint, -- the event that could not be applied, while that lasts
    updated_at timestamptz(3) NOT NULL DEFAULT now(),
    CHECK ((position = 0) = (event_id IS NULL)),
    FOREIGN KEY (model, version) REFERENCES annals.read_model_versions
) WITH (fillfactor = 10); -- one row, updated with every batch: room for HOT updates

-- The first query of each atomic group. It raises where a plain UPDATE would hit no row and let the rest commit.
CREATE FUNCTION annals.advance_checkpoint(
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
    SET position = new_position, event_id = new_event_id, failing_at = NULL, updated_at = clock_timestamp()
    WHERE model = for_model;
END
$$;
REVOKE ALL ON FUNCTION annals.advance_checkpoint FROM PUBLIC;
GRANT EXECUTE ON FUNCTION annals.advance_checkpoint TO annals_projector;

GRANT SELECT, INSERT, DELETE ON annals.read_model_versions TO annals_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON annals.checkpoints TO annals_projector;
GRANT SELECT ON annals.checkpoints TO annals_queries;

-- Whatever schema the projector makes later, queries may read.
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector GRANT USAGE ON SCHEMAS TO annals_queries;
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector GRANT SELECT ON TABLES TO annals_queries;
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- What the read models share. Each model's own tables live in a schema of its name, which the projector makes from projections/<model>/.

CREATE SCHEMA annals;

-- Versions and checkpoints ---------------------------------------------------------------------------------------------------------------------

-- The SQL of each version that was ever applied, so that a model can go on after its files have changed or are gone.
CREATE TABLE annals.read_model_versions (
    model text NOT NULL,
    version text NOT NULL, -- SHA-256 of the folder, hexadecimal
    sql jsonb NOT NULL, -- file name → text
    created_at timestamptz(3) NOT NULL DEFAULT now(),
    PRIMARY KEY (model, version)
);

-- Each set of tables that is made for a read model has a number of its own. Parked events belong to the tables that lack them.
CREATE SEQUENCE annals.build_numbers;

-- How far each live read model has come. The position is written only by advance_checkpoint, in the transaction that changes the model's rows.
CREATE TABLE annals.checkpoints (
    model text PRIMARY KEY,
    build bigint NOT NULL DEFAULT nextval('annals.build_numbers') UNIQUE,
    version text NOT NULL, -- the one that is applied
    folder_version text NOT NULL, -- the one on disk; if it differs, the model is stale
    position bigint NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id uuid, -- of the event at position: a log restored to an older state has another event there, or none
    updated_at timestamptz(3) NOT NULL DEFAULT now(),

    -- One projector at a time may write the model's tables. The token goes up whenever the lease changes hands and advance_checkpoint compares it,
    -- so a projector that lost the lease without noticing (stopped, swapped out, cut off) can't write any more.
    lease_token bigint NOT NULL DEFAULT 0,
    lease_holder text,
    lease_expires_at timestamptz(3),

    rate real NOT NULL DEFAULT 0, -- events a second, a moving average over the heartbeats
    rated_position bigint NOT NULL DEFAULT 0,
    rated_at timestamptz(3) NOT NULL DEFAULT now(),

    -- Trouble, where every process and every operator can see it. It belongs to this build; other tables may do better.
    failing_at bigint, -- the event that could not be applied, while that lasts
    stopped_reason text, -- why a projector gave the model up
    -- The log does not hold the events that these tables were made from, so their position says nothing about the log that is there now.
    has_diverged boolean NOT NULL DEFAULT false,

    CHECK ((position = 0) = (event_id IS NULL)),
    CONSTRAINT checkpoints_lease CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT checkpoints_diverged CHECK (NOT has_diverged OR stopped_reason IS NOT NULL),
    FOREIGN KEY (model, version) REFERENCES annals.read_model_versions
) WITH (fillfactor = 10); -- one row a model, updated with every batch: room for HOT updates

-- How long a lease outlives its holder's last sign of life.
CREATE FUNCTION annals.lease_duration() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '3 seconds' $$;

-- Whether a lease is in force. One that ends further ahead than a lease can was given before the clock went back, and is void; twice the time, since
-- a clock that is being corrected may go back a little at any time.
CREATE FUNCTION annals.is_leased(until timestamptz) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(until > clock_timestamp() AND until <= clock_timestamp() + 2 * annals.lease_duration(), false)
$$;

-- The first query of each atomic group. It raises where a plain UPDATE would hit no row and let the rest commit. It renews the lease too: a busy
-- projector needs no other sign of life.
--
-- The transaction does not wait for the disk (docs/decisions/0013). A crash of the server undoes rows and checkpoint together, from the end, and
-- the projector applies the same events again. Nothing else relies on them; the log waits for its disk.
CREATE FUNCTION annals.advance_checkpoint(
    for_model text, for_version text, expected_position bigint, expected_lease bigint, new_position bigint, new_event_id uuid
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    actual annals.checkpoints;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE annals.checkpoints
    SET position = new_position, event_id = new_event_id, failing_at = NULL, updated_at = clock_timestamp(),
        lease_expires_at = CASE WHEN lease_holder IS NOT NULL THEN clock_timestamp() + annals.lease_duration() END
    WHERE model = for_model AND version = for_version AND position = expected_position AND lease_token = expected_lease
        AND new_position > expected_position;
    IF FOUND THEN RETURN; END IF;
    SELECT * INTO actual FROM annals.checkpoints WHERE model = for_model;
    IF actual.model IS NULL THEN
        RAISE EXCEPTION 'read model % has no checkpoint', for_model USING ERRCODE = 'AN010';
    END IF;
    IF new_position <= expected_position THEN
        RAISE EXCEPTION 'checkpoint of % can''t go from % to %', for_model, expected_position, new_position USING ERRCODE = 'AN010';
    END IF;
    RAISE EXCEPTION 'checkpoint of % is at % of version % under lease %, not at % of version % under lease %',
        for_model, actual.position, actual.version, actual.lease_token, expected_position, for_version, expected_lease USING ERRCODE = 'AN010';
END
$$;

-- Leases ---------------------------------------------------------------------------------------------------------------------------------------

-- Returns the new token, or NULL while somebody else holds the lease. Time is this database's: the clocks of the projectors' machines may differ.
-- The rate begins anew, since nothing was applied while nobody held the lease.
CREATE FUNCTION annals.acquire_lease(for_model text, new_holder text) RETURNS bigint LANGUAGE sql AS $$
    UPDATE annals.checkpoints
    SET lease_token = lease_token + 1, lease_holder = new_holder, lease_expires_at = clock_timestamp() + annals.lease_duration(),
        rate = 0, rated_position = position, rated_at = clock_timestamp()
    WHERE model = for_model AND (lease_holder IS NULL OR lease_holder = new_holder OR NOT annals.is_leased(lease_expires_at))
    RETURNING lease_token
$$;

-- The heartbeat of an idle holder. It returns where the checkpoints of its models are and under which token: a crash of the server undoes commits
-- that did not wait for the disk, and somebody else may take a lease, and a projector that waits for the log's next event would notice neither.
-- A locked row is being advanced at this moment, which renews its lease; it is only reported.
CREATE FUNCTION annals.renew_leases(for_holder text, for_models text[])
RETURNS TABLE (of_model text, at_position bigint, under_token bigint) LANGUAGE sql AS $$
    WITH held AS (
        SELECT model, least(greatest(extract(epoch FROM clock_timestamp() - rated_at)::float8, 0.001), 60) AS seconds
        FROM annals.checkpoints WHERE lease_holder = for_holder AND model = ANY (for_models) FOR UPDATE SKIP LOCKED
    ), renewed AS (
        UPDATE annals.checkpoints AS c
        SET lease_expires_at = clock_timestamp() + annals.lease_duration(),
            -- An exponential moving average: what is 3 seconds old counts for a third. Truncated, since ever smaller numbers would underflow.
            rate = trunc((rate + (greatest(0, c.position - rated_position) / seconds - rate) * (1 - exp(-seconds / 3)))::numeric, 3),
            rated_position = c.position,
            rated_at = clock_timestamp()
        FROM held WHERE c.model = held.model
    )
    SELECT model, position, lease_token FROM annals.checkpoints WHERE model = ANY (for_models)
$$;

CREATE FUNCTION annals.release_leases(for_holder text) RETURNS void LANGUAGE sql AS $$
    UPDATE annals.checkpoints SET lease_holder = NULL, lease_expires_at = NULL, rate = 0 WHERE lease_holder = for_holder
$$;

-- A process that keeps answers must hear of tables that change while their position does not rise: another build takes their place, or parked events
-- are applied. Both raise the lease's token. Processes that were told nothing find out by polling.
CREATE FUNCTION annals.tell_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('annals_read', NEW.model || ':changed');
    RETURN NULL;
END
$$;
CREATE TRIGGER checkpoints_changed AFTER UPDATE OF build, lease_token ON annals.checkpoints
    FOR EACH ROW WHEN (OLD.build <> NEW.build OR OLD.lease_token <> NEW.lease_token) EXECUTE FUNCTION annals.tell_of_change();

-- Parked events --------------------------------------------------------------------------------------------------------------------------------

-- Events that a build's tables lack: one that could not be applied, and later ones of the same id, which wait behind it. Only positions are kept;
-- the events are in the log. Streams of one id change the same rows, as a post and its views do, so they wait together.
CREATE TABLE annals.parked_events (
    build bigint NOT NULL,
    position bigint NOT NULL,
    stream text NOT NULL,
    stream_id uuid NOT NULL,
    type text NOT NULL,
    state text NOT NULL CHECK (state IN ('failed', 'waiting', 'discarded')),
    sqlstate text, -- of the failure; NULL when the event's own data could not be read as its type says
    violated text, -- the constraint, if there was one, or why something sealed did not open. Never the row
    parked_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (build, position)
);
CREATE INDEX parked_events_entity ON annals.parked_events (stream_id, position) WHERE state <> 'discarded';
CREATE INDEX parked_events_id ON annals.parked_events (build, stream_id, position);

-- Parks the id of an event at fault. When more than 20 ids fail within a minute, the statement is wrong and not the data, and the projector must
-- stop. For tables that are not live, ids that the live tables have parked too don't count: a rebuild meets within a minute what the live tables
-- met over years.
CREATE FUNCTION annals.park_stream(
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

-- Queues events behind the failed one of their id.
CREATE FUNCTION annals.park_behind(for_build bigint, positions bigint[], streams text[], stream_ids uuid[], types text[])
RETURNS void LANGUAGE sql AS $$
    INSERT INTO annals.parked_events (build, position, stream, stream_id, type, state)
    SELECT for_build, e.position, e.stream, e.stream_id, e.type, 'waiting'
    FROM unnest(positions, streams, stream_ids, types) AS e (position, stream, stream_id, type)
$$;

-- Gives up what waits for an id: the person or the post is gone.
CREATE FUNCTION annals.discard_waiting(for_build bigint, for_stream_id uuid) RETURNS void LANGUAGE sql AS $$
    UPDATE annals.parked_events SET state = 'discarded' WHERE build = for_build AND stream_id = for_stream_id
$$;

-- Builds ---------------------------------------------------------------------------------------------------------------------------------------

-- Tables of read models that are not live: being made, being compared, or kept from before. Each build lies in a schema of its own whose name is
-- never used again, so a process that still writes for an abandoned build writes nowhere.
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

-- The same for a build as advance_checkpoint for the live tables.
CREATE FUNCTION annals.advance_build(for_build bigint, expected_position bigint, new_position bigint, new_event_id uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE annals.builds SET position = new_position, event_id = new_event_id WHERE build = for_build AND position = expected_position;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'build % is not at position %', for_build, expected_position USING ERRCODE = 'AN010';
    END IF;
END
$$;

-- Makes a build the live tables of its model and keeps the tables that were live. The lease's token goes up, so that a projector at work looks
-- again at the tables it writes to. Earlier trouble is forgotten with the tables that had it.
CREATE FUNCTION annals.swap_build(for_build bigint, new_folder_version text, may_go_back boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new annals.builds;
    old annals.checkpoints;
    kept_schema text;
BEGIN
    SELECT * INTO new FROM annals.builds WHERE build = for_build FOR UPDATE;
    SELECT * INTO old FROM annals.checkpoints WHERE model = new.model FOR UPDATE;
    IF old.model IS NULL OR (new.position < old.position AND NOT may_go_back) THEN
        RAISE EXCEPTION 'build % of % is at %, behind the live tables at %', for_build, new.model, new.position, old.position
            USING ERRCODE = 'AN010';
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

-- Removes a build that is not live, with everything that belongs to it.
CREATE FUNCTION annals.drop_build(for_build bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    dropped annals.builds;
BEGIN
    DELETE FROM annals.builds WHERE build = for_build RETURNING * INTO dropped;
    DELETE FROM annals.parked_events WHERE build = dropped.build;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', dropped.schema_name);
END
$$;

-- Erasure --------------------------------------------------------------------------------------------------------------------------------------

-- Up to which position the log's erasures (closed accounts, deleted posts) are carried out everywhere in this database: in the live tables, in
-- those kept from before, and in the server's statistics of them, which hold values too. The closure of an account waits for it.
CREATE TABLE annals.scrubbed (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO annals.scrubbed DEFAULT VALUES;

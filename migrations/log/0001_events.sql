-- The log: the only truth. Rows are added by log.append (0002) and never changed.

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['annals_commands', 'annals_projector', 'annals_queries', 'annals_auth'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', service);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- Roles belong to the cluster: another database's migration made it.
        END;
        EXECUTE format('GRANT %I TO CURRENT_USER', service);
    END LOOP;
END
$$;

CREATE SCHEMA log;

CREATE TABLE log.events (
    position       bigint                NOT NULL,
    stream         text COLLATE "C"      NOT NULL,
    version        integer               NOT NULL,
    id             uuid                  NOT NULL,
    type           text COLLATE "C"      NOT NULL,
    schema_version smallint              NOT NULL,
    data           jsonb                 NOT NULL,
    metadata       jsonb                 NOT NULL,
    recorded_at    timestamptz(3)        NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- Unique values (email, username, slug) and held states (active), as keyed hashes: named by kind and holder.
CREATE TABLE log.claims (
    kind   text COLLATE "C" NOT NULL,
    hash   bytea            NOT NULL,
    stream text COLLATE "C" NOT NULL,
    CONSTRAINT claims_value PRIMARY KEY (kind, hash),
    CONSTRAINT claims_holder UNIQUE (stream, kind)
);

-- Commands that succeeded: what answers their repeats.
CREATE TABLE log.commands (
    id             uuid             NOT NULL,
    digest         bytea            NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    version        integer          NOT NULL,
    first_position bigint,
    last_position  bigint           NOT NULL,
    recorded_at    timestamptz(3)   NOT NULL,
    CONSTRAINT commands_id PRIMARY KEY (id)
);

-- The row that appends take turns on. It is locked and never updated: an updated row would leave dead versions behind for as long as anyone holds a snapshot.
CREATE TABLE log.append_lock (
    single boolean PRIMARY KEY DEFAULT true CHECK (single)
);
INSERT INTO log.append_lock DEFAULT VALUES;

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'AN001';
END
$$;

CREATE TRIGGER events_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- ALWAYS: replication roles and their settings don't switch it off.
ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_are_append_only;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA log TO annals_commands, annals_projector, annals_auth;
GRANT SELECT ON log.events, log.claims, log.commands TO annals_commands;
GRANT SELECT ON log.events TO annals_projector;
GRANT SELECT ON log.events, log.claims TO annals_auth;

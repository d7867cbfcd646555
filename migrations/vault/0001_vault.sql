-- The vault: one data key per person, wrapped by the master key, and the system's own keys. Without it the log reveals nothing about anybody.

-- Roles belong to the cluster, so another database's migration may have made them.
DO $$
DECLARE
    service text;
    -- From PostgreSQL 16 on, membership alone does not allow SET ROLE.
    needed text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH service IN ARRAY ARRAY['annals_commands', 'annals_projector', 'annals_queries', 'annals_auth'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', service);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, service, needed) THEN
            EXECUTE format('GRANT %I TO %I', service, current_user);
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA vault;
GRANT USAGE ON SCHEMA vault TO annals_commands, annals_projector, annals_auth;

CREATE TABLE vault.system_keys (
    name       text PRIMARY KEY,
    wrapped    bytea NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON vault.system_keys TO annals_commands, annals_auth;

CREATE TABLE vault.data_keys (
    subject      uuid PRIMARY KEY,
    wrapped      bytea,
    created_at   timestamptz(3) NOT NULL DEFAULT now(),
    destroyed_at timestamptz(3),
    -- A destroyed key leaves its row, so that "forgotten" and "never known" differ, and no second key is ever made for the same person.
    CONSTRAINT data_keys_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
-- A destroyed key's old row version stays in the table's file until VACUUM comes. By default it comes after 50 of them and a fifth of the table; with
-- these settings it comes within a minute or so (autovacuum_naptime) of the first, and SQL can't reach the row from then on. What happens to the
-- bytes of the page: docs/operations.md, "Erased users".
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
GRANT SELECT, INSERT ON vault.data_keys TO annals_commands;
GRANT SELECT ON vault.data_keys TO annals_projector;
GRANT SELECT (subject, destroyed_at) ON vault.data_keys TO annals_auth;

-- Auth destroys keys and does nothing else to them. A right to write the columns would also let it give a person another key, or bring back one that
-- it has seen.
CREATE FUNCTION vault.destroy_key(of_subject uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = pg_catalog.now() WHERE subject = of_subject AND destroyed_at IS NULL
$$;
REVOKE ALL ON FUNCTION vault.destroy_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.destroy_key TO annals_auth;

-- For the owner too, a destroyed key stays destroyed and its row stays.
CREATE FUNCTION vault.keep_destroyed() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION 'data keys are destroyed, not removed' USING ERRCODE = 'AN020';
    END IF;
    IF old.destroyed_at IS NOT NULL THEN
        RAISE EXCEPTION 'a destroyed key stays destroyed' USING ERRCODE = 'AN020';
    END IF;
    RETURN new;
END
$$;
CREATE TRIGGER destroyed_keys_stay BEFORE UPDATE OR DELETE ON vault.data_keys FOR EACH ROW EXECUTE FUNCTION vault.keep_destroyed();
CREATE TRIGGER data_keys_stay BEFORE TRUNCATE ON vault.data_keys FOR EACH STATEMENT EXECUTE FUNCTION vault.keep_destroyed();
ALTER TABLE vault.data_keys ENABLE ALWAYS TRIGGER destroyed_keys_stay;
ALTER TABLE vault.data_keys ENABLE ALWAYS TRIGGER data_keys_stay;

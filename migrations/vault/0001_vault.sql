-- The vault: one data key per person, wrapped by the master key, and the system's own keys. Without it the log reveals nothing about anybody.

CREATE SCHEMA vault;

CREATE TABLE vault.system_keys (
    name       text PRIMARY KEY,
    wrapped    bytea NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now()
);

-- The keys that belong to these databases and are not kept in them: the cursors' key by its digest, all others by their public halves. A system that
-- starts with another one is refused.
CREATE TABLE vault.known_keys (
    name text PRIMARY KEY,
    key  text NOT NULL
);

CREATE TABLE vault.data_keys (
    subject      uuid PRIMARY KEY,
    wrapped      bytea,
    created_at   timestamptz(3) NOT NULL DEFAULT now(),
    destroyed_at timestamptz(3),
    -- A destroyed key leaves its row, so that "forgotten" and "never known" differ, and no second key is ever made for the same person.
    CONSTRAINT data_keys_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
-- A destroyed key's old row version stays in the table's file until VACUUM comes. By default it comes after 50 of them and a fifth of the table; with
-- these settings it comes within a minute or so (autovacuum_naptime) of the first, and SQL can't reach the row from then on. What happens to the
-- bytes of the page: docs/back-up.md, "Erased users in backups and files".
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX data_keys_destroyed ON vault.data_keys (destroyed_at) WHERE destroyed_at IS NOT NULL;

-- Auth destroys keys and does nothing else to them. A right to write the columns would also let it give a person another key, or bring back one that
-- it has seen. A key that was lost is recorded as destroyed: from then on what it sealed is forgotten, and no fault.
CREATE FUNCTION vault.destroy_key(of_subject uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    INSERT INTO vault.data_keys AS known (subject, destroyed_at) VALUES (of_subject, pg_catalog.now())
    ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, destroyed_at = pg_catalog.now() WHERE known.destroyed_at IS NULL
$$;

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

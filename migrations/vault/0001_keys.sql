-- The vault: one data key per person, wrapped by the master key, and the system's own keys. A log without it reveals nothing about anybody.

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

CREATE SCHEMA vault;

CREATE TABLE vault.data_keys (
    subject      uuid PRIMARY KEY,
    wrapped      bytea,
    created_at   timestamptz(3) NOT NULL DEFAULT now(),
    destroyed_at timestamptz(3),
    -- A destroyed key leaves its row, so that "forgotten" and "never known" differ, and no second key is ever made for the same person.
    CONSTRAINT data_keys_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE TABLE vault.system_keys (
    name       text PRIMARY KEY,
    wrapped    bytea NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT now()
);

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO annals_commands, annals_projector, annals_auth;
GRANT SELECT, INSERT ON vault.data_keys TO annals_commands;
GRANT SELECT ON vault.data_keys TO annals_projector;
GRANT SELECT (subject, destroyed_at), UPDATE (wrapped, destroyed_at) ON vault.data_keys TO annals_auth;
GRANT SELECT, INSERT ON vault.system_keys TO annals_commands, annals_auth;

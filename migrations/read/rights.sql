-- Rights to the read models: the projector owns their tables, queries read them. This runs after the migrations, at every start: a dump that was
-- restored without its roles has lost them.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO annals_projector', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_queries', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA annals TO annals_projector, annals_queries;
-- Only the projector calls these functions; queries ask whether leases are in force.
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA annals FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA annals TO annals_projector;
GRANT EXECUTE ON FUNCTION annals.lease_duration, annals.is_leased TO annals_queries;

GRANT SELECT, INSERT, DELETE ON annals.read_model_versions TO annals_projector;
GRANT USAGE ON SEQUENCE annals.build_numbers TO annals_projector;
GRANT SELECT, INSERT, UPDATE, DELETE ON annals.checkpoints, annals.parked_events, annals.builds TO annals_projector;
GRANT SELECT ON annals.checkpoints, annals.parked_events, annals.scrubbed TO annals_queries;
GRANT SELECT, UPDATE (position) ON annals.scrubbed TO annals_projector;

-- Queries may read every schema that the projector makes later.
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector GRANT USAGE ON SCHEMAS TO annals_queries;
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector GRANT SELECT ON TABLES TO annals_queries;
ALTER DEFAULT PRIVILEGES FOR ROLE annals_projector REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- Where the role was missing, a restore has left the read models to the user who ran it.
DO $$
DECLARE
    restored record;
    relation regclass;
BEGIN
    FOR restored IN
        SELECT nspname, oid FROM pg_namespace
        WHERE nspowner <> 'annals_projector'::regrole
            AND nspname IN (SELECT model FROM annals.read_model_versions UNION SELECT schema_name FROM annals.builds)
    LOOP
        EXECUTE format('ALTER SCHEMA %I OWNER TO annals_projector', restored.nspname);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO annals_queries', restored.nspname);
        FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = restored.oid AND relkind IN ('r', 'p', 'v', 'm') LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO annals_projector', relation);
        END LOOP;
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO annals_queries', restored.nspname);
    END LOOP;
END
$$;

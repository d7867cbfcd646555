-- The services' roles. This runs before each database's own migrations, at every start: roles belong to the cluster, and a restored dump brings none.

DO $$
DECLARE
    service text;
    -- Before PostgreSQL 16 a member of a role can become it; since then that is a right of its own, which the maker of a role does not get.
    becoming text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
    refused text := '';
BEGIN
    FOREACH service IN ARRAY ARRAY['annals_commands', 'annals_projector', 'annals_queries', 'annals_auth', 'annals_relay'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN EXECUTE format('CREATE ROLE %I NOLOGIN', service); END IF;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- Another database's start has made it at this moment.
            WHEN insufficient_privilege THEN
                refused := refused || format('CREATE ROLE %I; GRANT %I TO %I; ', service, service, current_user);
                CONTINUE;
        END;
        -- The services connect as this user and then become their roles.
        BEGIN
            IF NOT pg_has_role(current_user, service, becoming) THEN EXECUTE format('GRANT %I TO %I', service, current_user); END IF;
        EXCEPTION
            WHEN unique_violation THEN NULL;
            WHEN insufficient_privilege OR invalid_grant_operation THEN
                refused := refused || format('GRANT %I TO %I; ', service, current_user);
        END;
    END LOOP;
    IF refused <> '' THEN
        RAISE EXCEPTION '% lacks the right to make or to take the services'' roles; a superuser must run: %', current_user, rtrim(refused)
            USING ERRCODE = 'insufficient_privilege';
    END IF;
END
$$;

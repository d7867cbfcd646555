-- Each service's rights to the vault. This runs after the migrations, at every start: a dump that was restored without its roles has lost them.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_commands, annals_projector, annals_auth, annals_relay', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO annals_commands, annals_projector, annals_auth, annals_relay;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vault FROM PUBLIC;

GRANT SELECT, INSERT ON vault.system_keys TO annals_commands, annals_auth;
GRANT SELECT, INSERT, UPDATE ON vault.known_keys TO annals_commands;
GRANT SELECT, INSERT ON vault.data_keys TO annals_commands;
GRANT SELECT ON vault.data_keys TO annals_projector, annals_relay;

-- Auth destroys keys and sees none.
GRANT SELECT (subject, destroyed_at) ON vault.data_keys TO annals_auth;
GRANT EXECUTE ON FUNCTION vault.destroy_key TO annals_auth;

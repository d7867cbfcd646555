-- The auth service's rights; no other service has any here. This runs after the migrations, at every start: a dump that was restored without its
-- roles has lost them.

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_auth', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA identity TO annals_auth;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA identity FROM PUBLIC;

GRANT SELECT, INSERT, DELETE, UPDATE (password_hash, generation, state, changed_at) ON identity.credentials TO annals_auth;
GRANT SELECT, INSERT, DELETE ON identity.receipts TO annals_auth;
GRANT SELECT, INSERT, UPDATE ON identity.accounts TO annals_auth;
GRANT SELECT, UPDATE (position, event_id, updated_at) ON identity.checkpoint TO annals_auth;
GRANT EXECUTE ON FUNCTION identity.advance_checkpoint TO annals_auth;
GRANT SELECT, INSERT, DELETE, UPDATE (revoked_at) ON identity.sessions TO annals_auth;
GRANT SELECT, INSERT, UPDATE (used_at) ON identity.refresh_tokens TO annals_auth;
GRANT SELECT, INSERT, UPDATE (retired_at, revoked_at, signs_from) ON identity.signing_keys TO annals_auth;

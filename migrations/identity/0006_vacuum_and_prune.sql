-- Old row versions of those who were erased (keyed hashes, password hashes) go within a minute or so, as in the vault.
ALTER TABLE identity.credentials SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE identity.accounts SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE identity.sessions SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

-- A used token stays for as long as its session, because its second use ends that. Once the session has ended every token of it is refused, known or not. With its owner's
-- rights, so that auth needs none to delete tokens: those of a session that goes on are what notices theft.
CREATE FUNCTION identity.forget_tokens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    DELETE FROM identity.refresh_tokens WHERE session_id = NEW.id;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION identity.forget_tokens() FROM PUBLIC;
CREATE TRIGGER sessions_forget_tokens AFTER UPDATE OF revoked_at ON identity.sessions
    FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION identity.forget_tokens();
DELETE FROM identity.refresh_tokens USING identity.sessions WHERE session_id = id AND revoked_at IS NOT NULL;

-- Auth destroys keys and does nothing else to them: its right to write the columns would also let it give a person another key, or bring back one that it had seen.
REVOKE UPDATE ON vault.data_keys FROM annals_auth;
REVOKE UPDATE (wrapped, destroyed_at) ON vault.data_keys FROM annals_auth;

CREATE FUNCTION vault.destroy_key(of_subject uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = '' AS $$
    UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = pg_catalog.now() WHERE subject = of_subject AND destroyed_at IS NULL
$$;
REVOKE ALL ON FUNCTION vault.destroy_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.destroy_key TO annals_auth;

-- Whoever may write here (the owner): a destroyed key stays destroyed, and its row stays, so that no second key is ever made for the same person.
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

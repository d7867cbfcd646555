-- What ends tokens before their time, as the revocation feed tells the services; passwords that are changed by their users; where users have signed in from.

-- The transaction in which a row last became news. A reader that has read at a snapshot asks next for rows from that snapshot's xmin on: what was not committed then comes
-- later, nothing is missed, and endings need not take turns for a number.
ALTER TABLE identity.sessions ADD COLUMN ended_in xid8;
ALTER TABLE identity.accounts
    ADD COLUMN ended_in xid8,
    -- Access tokens issued before it don't hold any more: the user was deactivated or closed, or has another role since.
    ADD COLUMN tokens_from timestamptz;

-- A trigger, so that whoever ends a session or raises `tokens_from` can't forget the feed.
CREATE FUNCTION identity.note_ending() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    NEW.ended_in := pg_catalog.pg_current_xact_id();
    RETURN NEW;
END
$$;
CREATE TRIGGER sessions_note_ending BEFORE UPDATE OF revoked_at ON identity.sessions
    FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION identity.note_ending();
CREATE TRIGGER accounts_note_ending BEFORE UPDATE OF tokens_from ON identity.accounts
    FOR EACH ROW WHEN (NEW.tokens_from IS NOT NULL) EXECUTE FUNCTION identity.note_ending();

CREATE INDEX sessions_ended_in ON identity.sessions (ended_in) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_revoked ON identity.sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX accounts_ended_in ON identity.accounts (ended_in) WHERE tokens_from IS NOT NULL;
CREATE INDEX accounts_tokens_from ON identity.accounts (tokens_from) WHERE tokens_from IS NOT NULL;

-- Where a session was opened from: a keyed hash of account and network address. From there its owner may sign in while strangers are kept waiting.
ALTER TABLE identity.sessions ADD COLUMN address_hash bytea;
CREATE INDEX sessions_address ON identity.sessions (user_id, address_hash) WHERE address_hash IS NOT NULL;

-- Counts the passwords of a user, not their hashes: hashing one anew with more work leaves it. A session is opened only if the password that was checked is still the one.
ALTER TABLE identity.credentials ADD COLUMN generation integer NOT NULL DEFAULT 1;
GRANT UPDATE (generation) ON identity.credentials TO annals_auth;

-- Changes of passwords that succeeded under an idempotency key; both columns are keyed hashes.
CREATE TABLE identity.receipts (
    id bytea PRIMARY KEY,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX receipts_created ON identity.receipts (created_at);
GRANT SELECT, INSERT, DELETE ON identity.receipts TO annals_auth;

-- A key is published before it signs, so that every service knows it by then. The one before is retired at that moment, and stays published until its tokens have expired.
ALTER TABLE identity.signing_keys ADD COLUMN signs_from timestamptz;
UPDATE identity.signing_keys SET signs_from = created_at;
ALTER TABLE identity.signing_keys ALTER COLUMN signs_from SET NOT NULL;
CREATE INDEX signing_keys_signs_from ON identity.signing_keys (signs_from);

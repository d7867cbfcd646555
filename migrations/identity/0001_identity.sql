-- Who may sign in. Nothing here is readable as a person: an email is a keyed hash, a password is an argon2id string.

CREATE SCHEMA identity;

-- Passwords ------------------------------------------------------------------------------------------------------------------------------------

-- A registration writes its password as `pending`; it becomes `active` once the log has taken the user.
CREATE TABLE identity.credentials (
    user_id uuid PRIMARY KEY,
    password_hash text NOT NULL,
    -- Counts the user's passwords, not their hashes: hashing one again with more work leaves it. A session is opened only if the password that was
    -- checked is still the current one.
    generation integer NOT NULL DEFAULT 1,
    state text NOT NULL CHECK (state IN ('pending', 'active')),
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX credentials_pending ON identity.credentials (created_at) WHERE state = 'pending';

-- Changes of passwords that succeeded under an idempotency key. Both bytea columns are keyed hashes.
CREATE TABLE identity.receipts (
    id bytea PRIMARY KEY,
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX receipts_created ON identity.receipts (created_at);

-- Accounts -------------------------------------------------------------------------------------------------------------------------------------

-- What the log says of each user, as far as signing in needs it. `position` is the last event that the row reflects. It never goes back.
CREATE TABLE identity.accounts (
    user_id uuid PRIMARY KEY,
    email_hash bytea,
    role text NOT NULL CHECK (role IN ('user', 'admin')),
    status text NOT NULL CHECK (status IN ('active', 'deactivated', 'closed')),
    position bigint NOT NULL,
    -- Access tokens that carry a lower version of the user's stream are void: the user was deactivated or closed, or has had another role since.
    tokens_version int,
    -- When that was. The revocation feed tells it for as long as such tokens may live.
    tokens_from timestamptz,
    ended_in xid8 -- see "Revocations" below
);
-- Not unique: the log's claims keep emails apart, and here one user's new email may arrive before its old holder's loss of it.
CREATE INDEX accounts_email_hash ON identity.accounts (email_hash, position DESC) WHERE email_hash IS NOT NULL;

-- How far `accounts` follows the log: one row.
CREATE TABLE identity.checkpoint (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL,
    event_id uuid,
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO identity.checkpoint (position) VALUES (0);

-- Raises unless the follower is where it believes to be. That undoes everything in the same transaction.
CREATE FUNCTION identity.advance_checkpoint(expected bigint, reached bigint, reached_event uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE identity.checkpoint SET position = reached, event_id = reached_event, updated_at = now() WHERE position = expected;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint is not at position %', expected USING ERRCODE = 'AN010';
    END IF;
END
$$;

-- Sessions -------------------------------------------------------------------------------------------------------------------------------------

-- A session is a family of refresh tokens, each used once. Its id is the `sid` of the access tokens it gives.
CREATE TABLE identity.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    -- A keyed hash of account and network address. From an address that a session was opened at, its user may sign in while strangers must wait.
    address_hash bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    ended_in xid8 -- see "Revocations" below
);
CREATE INDEX sessions_user ON identity.sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_address ON identity.sessions (user_id, address_hash) WHERE address_hash IS NOT NULL;
CREATE INDEX sessions_expiry ON identity.sessions (expires_at);

-- Only the SHA-256 of a token is kept. The token has 256 random bits, so nothing slower is needed. A used token stays for as long as its session,
-- because its second use ends that.
CREATE TABLE identity.refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    -- When it was used, or retired because another of its generation was.
    used_at timestamptz,
    -- The tokens that a session began with are of generation 0; using one gives one of the next.
    generation int NOT NULL
);
CREATE INDEX refresh_tokens_session ON identity.refresh_tokens (session_id, generation);

-- Once a session has ended, each of its tokens is refused, known or not. The function runs with its owner's rights, so that auth needs none to
-- delete tokens: those of a live session are how theft is noticed.
CREATE FUNCTION identity.forget_tokens() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    DELETE FROM identity.refresh_tokens WHERE session_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER sessions_forget_tokens AFTER UPDATE OF revoked_at ON identity.sessions
    FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL) EXECUTE FUNCTION identity.forget_tokens();
-- ALWAYS, here and below: session_replication_role does not switch it off.
ALTER TABLE identity.sessions ENABLE ALWAYS TRIGGER sessions_forget_tokens;

-- Revocations ----------------------------------------------------------------------------------------------------------------------------------

-- The revocation feed tells the services which tokens end before their time. `ended_in` is the transaction in which a row last became news. A reader
-- that has read at a snapshot asks next for rows from that snapshot's xmin on, so it misses nothing that was not yet committed, and revocations need
-- not take turns for a number.
--
-- A trigger sets it, so that no statement that ends a session or raises `tokens_from` can forget the feed.
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
ALTER TABLE identity.sessions ENABLE ALWAYS TRIGGER sessions_note_ending;
ALTER TABLE identity.accounts ENABLE ALWAYS TRIGGER accounts_note_ending;

CREATE INDEX sessions_ended_in ON identity.sessions (ended_in) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_revoked ON identity.sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX accounts_ended_in ON identity.accounts (ended_in) WHERE tokens_from IS NOT NULL;
CREATE INDEX accounts_tokens_from ON identity.accounts (tokens_from) WHERE tokens_from IS NOT NULL;

-- Signing keys ---------------------------------------------------------------------------------------------------------------------------------

-- The keys that access tokens are signed with. The private part is wrapped by the master key, which no database holds.
--
-- A key is published before it signs, so that every service knows it by then. The previous key retires at that moment and stays published until its
-- tokens have expired.
CREATE TABLE identity.signing_keys (
    kid text PRIMARY KEY,
    wrapped_private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retired_at timestamptz,
    -- Somebody else may have the key. It neither signs nor is published any more, and the revocation feed names it, so that no token of it is taken.
    revoked_at timestamptz
);
-- One current key: of two processes that start at once, one makes it and the other finds it.
CREATE UNIQUE INDEX signing_keys_current ON identity.signing_keys ((true)) WHERE retired_at IS NULL;
CREATE INDEX signing_keys_signs_from ON identity.signing_keys (signs_from);
-- signs_from too: the next key may have to sign sooner than planned.


-- Erased users' old row versions (keyed hashes, password hashes) are vacuumed within a minute or so, as in the vault.
ALTER TABLE identity.credentials SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE identity.accounts SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
ALTER TABLE identity.sessions SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

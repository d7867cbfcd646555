-- Who may sign in. Nothing here is readable as a person: an email is a keyed hash, a password an argon2id string.

-- Roles belong to the cluster, so another database's migration may have made this one, even at this moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'annals_auth') THEN
        CREATE ROLE annals_auth NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- The service connects as whoever owns the database and then becomes annals_auth; a superuser may do that as it is.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'annals_auth', 'MEMBER') THEN
        EXECUTE format('GRANT annals_auth TO %I', current_user);
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO annals_auth', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE SCHEMA identity;
GRANT USAGE ON SCHEMA identity TO annals_auth;

-- One row per password. `pending` is the first half of a registration: the log has not spoken yet.
CREATE TABLE identity.credentials (
    user_id uuid PRIMARY KEY,
    password_hash text NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'active')),
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX credentials_pending ON identity.credentials (created_at) WHERE state = 'pending';
GRANT SELECT, INSERT, DELETE, UPDATE (password_hash, state, changed_at) ON identity.credentials TO annals_auth;

-- What the log says of each user, as far as signing in needs it. `position` is the last event it reflects, and never goes back.
CREATE TABLE identity.accounts (
    user_id uuid PRIMARY KEY,
    email_hash bytea,
    role text NOT NULL CHECK (role IN ('user', 'admin')),
    status text NOT NULL CHECK (status IN ('active', 'deactivated', 'closed')),
    position bigint NOT NULL
);
-- Not unique: the log's claims are what keeps emails apart, and here one user's new email may arrive before another's loss of it.
CREATE INDEX accounts_email_hash ON identity.accounts (email_hash, position DESC) WHERE email_hash IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON identity.accounts TO annals_auth;

-- How far `accounts` follows the log: one row.
CREATE TABLE identity.checkpoint (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL,
    event_id uuid,
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO identity.checkpoint (position) VALUES (0);
GRANT SELECT, UPDATE (position, event_id, updated_at) ON identity.checkpoint TO annals_auth;

-- Raises, so that everything in the same transaction is undone, unless the follower is where it believes to be.
CREATE FUNCTION identity.advance_checkpoint(expected bigint, reached bigint, reached_event uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE identity.checkpoint SET position = reached, event_id = reached_event, updated_at = now() WHERE position = expected;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the checkpoint is not at position %', expected USING ERRCODE = 'AN010';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION identity.advance_checkpoint(bigint, bigint, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION identity.advance_checkpoint(bigint, bigint, uuid) TO annals_auth;

-- Sessions. One is a family of refresh tokens, each used once; its id is the `sid` of the access tokens it gives.
CREATE TABLE identity.sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX sessions_user ON identity.sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_expiry ON identity.sessions (expires_at);
GRANT SELECT, INSERT, DELETE, UPDATE (revoked_at) ON identity.sessions TO annals_auth;

-- Only the SHA-256 of a token is kept: it has 256 random bits, so nothing slower is needed. Used ones stay for as long as their session, to notice a second use.
CREATE TABLE identity.refresh_tokens (
    hash bytea PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES identity.sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_tokens_session ON identity.refresh_tokens (session_id);
GRANT SELECT, INSERT, UPDATE (used_at) ON identity.refresh_tokens TO annals_auth;

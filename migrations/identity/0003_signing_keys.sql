-- The keys that access tokens are signed with; the private part is wrapped by the master key, which no database holds.
CREATE TABLE identity.signing_keys (
    kid text PRIMARY KEY,
    wrapped_private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL,
    retired_at timestamptz
);
-- One current key: of two processes that start at once, one makes it and the other finds it.
CREATE UNIQUE INDEX signing_keys_current ON identity.signing_keys ((true)) WHERE retired_at IS NULL;
GRANT SELECT, INSERT, UPDATE (retired_at) ON identity.signing_keys TO annals_auth;

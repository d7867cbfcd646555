-- A signing key that somebody else may have. It signs nothing more and is published no more, and the revocation feed names it, so that no token of it is taken.
ALTER TABLE identity.signing_keys ADD COLUMN revoked_at timestamptz;
-- The next key, too, may sign sooner than it was to.
GRANT UPDATE (revoked_at, signs_from) ON identity.signing_keys TO annals_auth;

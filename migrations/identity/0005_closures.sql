-- Closures of accounts: a process over the log, the read tables, the vault and this database, whose steps are recorded as they are done. Whoever has the id may see
-- how far it is; nothing here is readable as a person.
CREATE TABLE identity.closures (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'refused', 'done')),
    expected_version int, -- of the user's stream, where the caller named one
    correlation text NOT NULL, -- the request that all its events share
    requested_at timestamptz NOT NULL,
    -- One process at a time works on it; a step that fails puts the lease's end off, longer each time.
    lease uuid,
    leased_until timestamptz NOT NULL,
    failures int NOT NULL DEFAULT 0,
    receipt text,
    receipt_kid text, -- the key that the receipt is signed with
    CHECK ((receipt IS NULL) = (receipt_kid IS NULL))
);
-- A refused one may be asked for again; otherwise an account is closed once.
CREATE UNIQUE INDEX closures_user ON identity.closures (user_id) WHERE status <> 'refused';
CREATE INDEX closures_running ON identity.closures (leased_until) WHERE status = 'running';

CREATE TABLE identity.closure_steps (
    closure_id uuid NOT NULL REFERENCES identity.closures,
    number int NOT NULL, -- 0, 1, 2, … in the order in which they were done
    step text NOT NULL,
    done_at timestamptz NOT NULL,
    position bigint,
    count bigint,
    PRIMARY KEY (closure_id, number),
    UNIQUE (closure_id, step)
);

GRANT SELECT, INSERT, UPDATE (status, lease, leased_until, failures, receipt, receipt_kid) ON identity.closures TO annals_auth;
GRANT SELECT, INSERT ON identity.closure_steps TO annals_auth;

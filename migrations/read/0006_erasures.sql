-- How far the log's erasures (closed accounts, deleted posts) are out of everything in this database: the live tables, those kept from before, and the server's statistics
-- of them, which hold values too. One row; the closure of an account waits for it.
CREATE TABLE annals.scrubbed (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO annals.scrubbed DEFAULT VALUES;
GRANT SELECT, UPDATE (position) ON annals.scrubbed TO annals_projector;
GRANT SELECT ON annals.scrubbed TO annals_queries;

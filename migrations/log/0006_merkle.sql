-- The Merkle tree over the log (docs/audit.md, docs/decisions/0014). A follower of the log writes it, under a lease; appends know nothing of it.

-- C2SP tlog-tiles: up to 256 hashes of 32 bytes side by side. Level -1 holds entries (the SHA-256 of each event's canonical JSON), level 0 their leaf hashes, level n the roots
-- of complete subtrees of 256^n leaves. The last tile of a level grows; a full one never changes again.
CREATE TABLE log.merkle_tiles (
    level  smallint NOT NULL,
    tile   bigint   NOT NULL,
    hashes bytea    NOT NULL,
    CONSTRAINT merkle_tiles_place PRIMARY KEY (level, tile),
    CONSTRAINT merkle_tiles_hashes CHECK (length(hashes) BETWEEN 32 AND 8192 AND length(hashes) % 32 = 0)
);
-- Hashes do not compress.
ALTER TABLE log.merkle_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Every checkpoint that was ever signed, as the note that was published.
CREATE TABLE log.merkle_checkpoints (
    size      bigint         NOT NULL,
    note      text           NOT NULL,
    signed_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT merkle_checkpoints_size PRIMARY KEY (size)
);

CREATE TRIGGER checkpoints_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.merkle_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
ALTER TABLE log.merkle_checkpoints ENABLE ALWAYS TRIGGER checkpoints_are_append_only;

-- How many leaves the tiles hold, and who may add to them. The token goes up with every change of hands; each write names the one it was given, so that whoever lost the
-- lease without noticing can not write any more.
CREATE TABLE log.merkle_head (
    single           boolean PRIMARY KEY DEFAULT true CHECK (single),
    size             bigint         NOT NULL DEFAULT 0,
    lease_token      bigint         NOT NULL DEFAULT 0,
    lease_holder     text,
    lease_expires_at timestamptz(3),
    CONSTRAINT merkle_head_lease CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL))
);
INSERT INTO log.merkle_head DEFAULT VALUES;

GRANT SELECT, INSERT, UPDATE ON log.merkle_tiles TO annals_projector;
GRANT SELECT, INSERT ON log.merkle_checkpoints TO annals_projector;
GRANT SELECT, UPDATE ON log.merkle_head TO annals_projector;
GRANT SELECT ON log.merkle_tiles, log.merkle_checkpoints, log.merkle_head TO annals_commands;

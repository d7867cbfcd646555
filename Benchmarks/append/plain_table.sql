-- The columns of log.events, with keys on position and (stream, version) and nothing else: what any log on PostgreSQL has to write.
CREATE TABLE events (
    position       bigserial        NOT NULL PRIMARY KEY,
    stream         text COLLATE "C" NOT NULL,
    version        integer          NOT NULL,
    id             uuid             NOT NULL,
    type           text COLLATE "C" NOT NULL,
    schema_version smallint         NOT NULL,
    data           jsonb            NOT NULL,
    metadata       jsonb            NOT NULL,
    recorded_at    timestamptz(3)   NOT NULL,
    UNIQUE (stream, version)
);

-- The log: the only truth. Rows are added by log.append and never changed.

CREATE SCHEMA log;

-- Events ---------------------------------------------------------------------------------------------------------------------------------------

CREATE TABLE log.events (
    position       bigint                NOT NULL,
    stream         text COLLATE "C"      NOT NULL,
    version        integer               NOT NULL,
    id             uuid                  NOT NULL,
    type           text COLLATE "C"      NOT NULL,
    schema_version smallint              NOT NULL,
    data           jsonb                 NOT NULL,
    metadata       jsonb                 NOT NULL,
    recorded_at    timestamptz(3)        NOT NULL,
    -- The names of the fields of data, the sealed ones included, with a space between two. A search for the last event with a field reads these
    -- and not data, which may be a megabyte and stand outside of the row.
    fields         text COLLATE "C"      NOT NULL DEFAULT '',
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- Finds the events of one type in the log's order, however rare they are. It serves a category too, since a category's types are known.
-- It is the only full index beside the two keys, because every append pays for each (docs/decisions/0008).
CREATE INDEX events_by_type ON log.events (type, position);

-- Finds the streams that imports wrote to. Only their events are in it, so other appends pay nothing but a look at their metadata.
CREATE INDEX events_imported ON log.events (stream) WHERE metadata ? 'import';

CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only' USING ERRCODE = 'AN001';
END
$$;

CREATE TRIGGER events_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

-- ALWAYS: session_replication_role does not switch it off.
ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_are_append_only;


-- Claims and receipts --------------------------------------------------------------------------------------------------------------------------

-- Unique values (email, username, slug) and held states (active), each named by its kind and holder. The hash is keyed and covers the kind.
CREATE TABLE log.claims (
    kind   text COLLATE "C" NOT NULL,
    hash   bytea            NOT NULL,
    stream text COLLATE "C" NOT NULL,
    CONSTRAINT claims_value PRIMARY KEY (hash),
    CONSTRAINT claims_holder UNIQUE (stream, kind)
);

-- Receipts of the commands that succeeded. They answer repeats. A command that its caller can't name again has an empty digest, and a row here only
-- where its events don't tell of it: see log.append.
CREATE TABLE log.commands (
    id             uuid             NOT NULL,
    digest         bytea            NOT NULL,
    stream         text COLLATE "C" NOT NULL,
    version        integer          NOT NULL,
    first_position bigint,
    last_position  bigint           NOT NULL,
    recorded_at    timestamptz(3)   NOT NULL,
    CONSTRAINT commands_id PRIMARY KEY (id)
);

-- Deletes receipts that are a day old or older, so that log.commands does not grow as fast as the log.
--
-- One call looks at 128 blocks (1 MiB) of the table, deletes the old rows there, and returns the block to go on from, or NULL at the end. No append
-- waits for its locks, and it skips the rows that another prune holds.
--
-- There is no index on recorded_at. Each append would pay for one, for ever, under the lock that all appends take turns on. A BRIN index is cheap
-- but useless here: vacuum gives the space of deleted rows to new ones, so after a day each block range holds old and new rows, and each matches.
CREATE FUNCTION log.prune_receipts(older_than interval, first_block bigint, OUT removed integer, OUT next_block bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = log, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    -- The contract promises a day, so no caller can ask for less. NULL counts as a day too.
    cutoff   constant timestamptz := clock_timestamp() - least(greatest(older_than, interval '24 hours'), interval '1000 years');
    blocks   constant bigint := pg_relation_size('log.commands') / current_setting('block_size')::bigint;
    start    constant bigint := least(greatest(first_block, 0), blocks);
    from_row constant tid := format('(%s,0)', start)::tid;
    to_row   constant tid := format('(%s,0)', least(start + 128, blocks))::tid;
BEGIN
    DELETE FROM log.commands WHERE ctid = ANY (ARRAY(
        SELECT c.ctid FROM log.commands c
        WHERE c.ctid >= from_row AND c.ctid < to_row AND c.recorded_at < cutoff
        FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS removed = ROW_COUNT;
    next_block := start + 128;
    IF next_block >= blocks THEN next_block := NULL; END IF;
END
$$;


-- What is acknowledged without being written ---------------------------------------------------------------------------------------------------

-- Makes the transaction wait for the standbys that commits wait for. A repeat of a command is acknowledged by what is in the log already. That may
-- be on the primary's disk only: a crash, or a wait that was cancelled, shows commits that no standby has confirmed. This message lies behind them,
-- so a standby that has it has them.
CREATE FUNCTION log.confirm() RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF current_setting('synchronous_standby_names') <> '' THEN
        PERFORM pg_logical_emit_message(true, 'annals', '');
    END IF;
END
$$;


-- Append ---------------------------------------------------------------------------------------------------------------------------------------

-- What appends take turns on: they lock the table, not its row, because a lock on a row is written to its page and to the WAL. A lock on the row
-- keeps them out all the same.
CREATE TABLE log.append_lock (
    single boolean PRIMARY KEY DEFAULT true CHECK (single)
);
INSERT INTO log.append_lock DEFAULT VALUES;

-- The one way into the log. It takes a batch of independent requests; each is appended whole or refused alone (docs/decisions/0009).
--
-- Arrays stand for tables, and numbers in them count from 1:
--   r_*  one element a request. r_append: its first append, whose stream the receipt names. r_last: the number of its last event.
--   a_*  one a stream that a request appends to. a_expected: -1 any version, 0 a new stream, n exactly version n.
--   e_*  one an event.
--   c_*  one a change of claims. c_change: 1 take, 2 release, 3 require.
-- Appends and events follow each other in the order of their requests.
--
-- Requests of one batch must not share a command, touch the same stream or change the same claim. Where they do, a unique key breaks or AN003 is
-- raised, and the caller sends the requests one by one.
--
-- optimistic: skip each look-up that a unique key makes up for (is the command a repeat, does a new stream exist, is a value taken). If one is
-- violated (23505), or a request is refused for another reason (AN004), the whole batch fails, and the caller sends it again with optimistic off.
-- Allowed only when every value that the batch takes is taken by a new stream.
--
-- A command with an empty digest has no name that its caller could repeat, so only a lost connection has it sent again, with the same events. Those
-- events tell of it: it needs no receipt where its first append has one and names the version that it expects.
--
-- Returns a row for the batch (request 0; last_position: the head before it; recorded_at: its time; version: by how many seconds that is ahead of the
-- clock, because the clock has gone back) and a row for each request whose outcome does not follow from that one: 0 appended (if it expected any
-- version or has no event), 1 appended before, 2 conflict (version: the actual one), 3 claim taken, 4 claim missing (kind, stream). All others were
-- appended, in order, right after the head.
CREATE FUNCTION log.append(
    optimistic boolean,
    r_command uuid[], r_digest bytea[], r_metadata text[], r_append integer[], r_events integer[], r_last integer[],
    a_request integer[], a_stream text[], a_expected integer[], a_events integer[],
    e_append integer[], e_number integer[], e_id uuid[], e_type text[], e_schema_version smallint[], e_data text[], e_fields text[],
    c_request integer[], c_change smallint[], c_kind text[], c_hash bytea[], c_stream text[]
) RETURNS TABLE (
    request integer, outcome smallint, stream text, version integer, first_position bigint, last_position bigint, recorded_at timestamptz,
    digest bytea, kind text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = log, pg_temp
-- Every look-up is a handful of index probes. A plan made while a table was small must not outlive that, and neither replanning nor JIT ever pays.
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
    head    bigint;
    moment  timestamptz(3);
    lag     integer;   -- By how many seconds the clock has gone back.
    lacking boolean;   -- Whether a claim that is required is not held.
    heads   integer[]; -- The version of each append's stream before this batch.
    refused integer[] := '{}';
    places  integer[]; -- The events' places behind the head when some are left out. NULL: each event's number is its place.
    stands  bigint[];  -- The last positions of the streams of requests without events.
BEGIN
    -- Each statement below must see what was committed before the lock was got. A single snapshot for all would hand out positions twice.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'AN002';
    END IF;
    -- An acknowledged event is on the disk, whatever the database, the role or the session is set to. Stronger settings stay.
    IF current_setting('synchronous_commit') IN ('off', 'local') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF optimistic IS NULL OR a_expected IS NULL OR array_position(a_expected, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'an expectation is missing' USING ERRCODE = '22004';
    END IF;
    -- Here and below, queries that only some batches need stand behind a condition that costs no query.
    IF 2 = ANY (c_change) THEN
        IF EXISTS (
            SELECT FROM unnest(c_request, c_change, c_kind, c_stream) AS mine (request, change, kind, stream)
            JOIN unnest(c_request, c_change, c_kind, c_stream) AS other (request, change, kind, stream)
                ON other.kind = mine.kind AND other.stream = mine.stream AND other.request <> mine.request
            WHERE mine.change = 2
        ) THEN
            RAISE EXCEPTION 'requests of one batch depend on each other' USING ERRCODE = 'AN003';
        END IF;
    END IF;

    LOCK TABLE ONLY log.append_lock IN EXCLUSIVE MODE;

    -- Repeats that have a receipt.
    IF NOT optimistic THEN
        FOR request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind IN
            SELECT array_position(r_command, c.id), 1, c.stream, c.version, c.first_position, c.last_position, c.recorded_at, c.digest, NULL
            FROM log.commands c
            WHERE c.id = ANY (r_command)
        LOOP
            refused := refused || request;
            RETURN NEXT;
        END LOOP;
    END IF;

    -- Expected versions. An append without events has no unique key that could tell of its stream.
    IF optimistic AND 0 = ALL (a_expected) AND 0 <> ALL (a_events) THEN
        heads := a_expected;
    ELSE
        heads := ARRAY(
            SELECT coalesce((SELECT e.version FROM log.events e WHERE e.stream = a_stream[a] ORDER BY e.version DESC LIMIT 1), 0)
            FROM generate_series(1, cardinality(a_stream)) a
            ORDER BY a
        );
        IF heads <> a_expected THEN
            -- Repeats that have none: their first event is where it would go.
            IF NOT optimistic THEN
                FOR request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind IN
                    SELECT r, 1, e.stream, e.version + a_events[r_append[r]] - 1, e.position, e.position + r_events[r] - 1, e.recorded_at, '', NULL
                    FROM generate_series(1, cardinality(r_command)) r
                    JOIN log.events e ON e.stream = a_stream[r_append[r]] AND e.version = a_expected[r_append[r]]::bigint + 1
                    WHERE octet_length(r_digest[r]) = 0 AND a_events[r_append[r]] > 0 AND e.id = e_id[r_last[r] - r_events[r] + 1]
                        AND a_expected[r_append[r]] >= 0 AND r <> ALL (refused)
                LOOP
                    refused := refused || request;
                    RETURN NEXT;
                END LOOP;
            END IF;
            FOR request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind IN
                SELECT DISTINCT ON (a.request) a.request, 2, a.stream, a.head, NULL, NULL, NULL, NULL, NULL
                FROM unnest(a_request, a_stream, a_expected, heads) WITH ORDINALITY AS a (request, stream, expected, head, number)
                WHERE a.expected >= 0 AND a.expected <> a.head AND a.request <> ALL (refused)
                ORDER BY a.request, a.number
            LOOP
                refused := refused || request;
                RETURN NEXT;
            END LOOP;
        END IF;
    END IF;

    -- Claims.
    IF NOT optimistic THEN
        -- One question for all first, since a taken value or a missing claim is rare.
        IF EXISTS (SELECT FROM log.claims held WHERE held.hash = ANY (c_hash)) OR EXISTS (
            SELECT FROM generate_series(1, cardinality(c_request)) c
            WHERE c_change[c] = 3 AND (SELECT held.hash FROM log.claims held WHERE held.stream = c_stream[c] AND held.kind = c_kind[c]) IS NULL
        ) THEN
            FOR request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind IN
                SELECT DISTINCT ON (c.request) c.request, CASE c.change WHEN 1 THEN 3 ELSE 4 END, c.stream, NULL, NULL, NULL, NULL, NULL, c.kind
                FROM unnest(c_request, c_change, c_kind, c_hash, c_stream) WITH ORDINALITY AS c (request, change, kind, hash, stream, number)
                WHERE c.request <> ALL (refused)
                    AND (c.change = 1 AND EXISTS (SELECT FROM log.claims held WHERE held.hash = c.hash AND held.stream <> c.stream)
                        OR c.change = 3 AND NOT EXISTS (SELECT FROM log.claims held WHERE held.stream = c.stream AND held.kind = c.kind))
                ORDER BY c.request, c.number
            LOOP
                refused := refused || request;
                RETURN NEXT;
            END LOOP;
        END IF;
        IF 1 = ANY (c_change) THEN
            -- A stream holds one value of a kind: taking another gives that one up.
            DELETE FROM log.claims held
            USING unnest(c_request, c_change, c_kind, c_stream) AS c (request, change, kind, stream)
            WHERE c.change = 1 AND c.request <> ALL (refused) AND held.stream = c.stream AND held.kind = c.kind;
        END IF;
    END IF;

    IF cardinality(refused) > 0 THEN
        -- A skipped look-up, such as the one for repeats, would have come before this refusal.
        IF optimistic THEN RAISE EXCEPTION 'the batch needs every look-up' USING ERRCODE = 'AN004'; END IF;
        -- What a repeat acknowledges may be on the primary alone.
        PERFORM log.confirm();
        places := ARRAY(
            SELECT count(*) FILTER (WHERE a_request[e_append[e]] <> ALL (refused)) OVER (ORDER BY e)
            FROM generate_series(1, cardinality(e_append)) e
            ORDER BY e
        );
    END IF;
    IF 0 = ANY (r_events) THEN
        stands := ARRAY(
            SELECT (SELECT e.position FROM log.events e WHERE e.stream = a_stream[r_append[r]] AND e.version = heads[r_append[r]])
            FROM generate_series(1, cardinality(r_command)) r
            ORDER BY r
        );
    END IF;

    -- All rows by one statement: starting one costs as much as adding a few rows.
    WITH place AS MATERIALIZED (
        SELECT
            coalesce(last.position, 0) AS head, greatest(date_trunc('milliseconds', now.clock), last.recorded_at)::timestamptz(3) AS moment,
            least(greatest(extract(epoch FROM last.recorded_at - now.clock), 0), 2147483647)::integer AS lag
        FROM (SELECT clock_timestamp() AS clock OFFSET 0) AS now
        LEFT JOIN LATERAL (SELECT e.position, e.recorded_at FROM log.events e ORDER BY e.position DESC LIMIT 1) AS last ON true
    ), appended AS (
        INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at, fields)
        SELECT
            place.head + coalesce(places[e], e), a_stream[e_append[e]], heads[e_append[e]] + e_number[e], e_id[e], e_type[e], e_schema_version[e],
            e_data[e]::jsonb, r_metadata[a_request[e_append[e]]]::jsonb, place.moment, e_fields[e]
        FROM place, generate_series(1, cardinality(e_append)) e
        WHERE a_request[e_append[e]] <> ALL (refused)
    ), taken AS (
        INSERT INTO log.claims (kind, hash, stream)
        SELECT c_kind[c], c_hash[c], c_stream[c]
        FROM generate_series(1, cardinality(c_request)) c
        WHERE c_change[c] = 1 AND c_request[c] <> ALL (refused)
    ), kept AS (
        INSERT INTO log.commands (id, digest, stream, version, first_position, last_position, recorded_at)
        SELECT
            r_command[r], r_digest[r], a_stream[r_append[r]], heads[r_append[r]] + a_events[r_append[r]],
            CASE WHEN r_events[r] > 0 THEN place.head + coalesce(places[r_last[r]], r_last[r]) - r_events[r] + 1 END,
            CASE WHEN r_events[r] > 0 THEN place.head + coalesce(places[r_last[r]], r_last[r]) ELSE coalesce(stands[r], 0) END,
            place.moment
        FROM place, generate_series(1, cardinality(r_command)) r
        WHERE (octet_length(r_digest[r]) > 0 OR a_events[r_append[r]] = 0 OR a_expected[r_append[r]] < 0) AND r <> ALL (refused)
    )
    SELECT
        place.head, place.moment, place.lag, optimistic AND EXISTS (
            SELECT FROM generate_series(1, cardinality(c_request)) c
            WHERE c_change[c] = 3 AND (SELECT held.hash FROM log.claims held WHERE held.stream = c_stream[c] AND held.kind = c_kind[c]) IS NULL
        )
    INTO head, moment, lag, lacking
    FROM place;
    IF lacking THEN RAISE EXCEPTION 'the batch needs every look-up' USING ERRCODE = 'AN004'; END IF;

    IF 2 = ANY (c_change) THEN
        -- After values are taken: a value that the same batch releases still belongs to the stream that releases it.
        DELETE FROM log.claims held
        USING unnest(c_request, c_change, c_kind, c_stream) AS c (request, change, kind, stream)
        WHERE c.change = 2 AND c.request <> ALL (refused) AND held.stream = c.stream AND held.kind = c.kind;
    END IF;
    IF 0 = ANY (r_events) OR -1 = ANY (a_expected) THEN
        RETURN QUERY
        SELECT r, 0::smallint, c.stream, c.version, c.first_position, c.last_position, c.recorded_at::timestamptz, c.digest, NULL
        FROM generate_series(1, cardinality(r_command)) r
        JOIN log.commands c ON c.id = r_command[r]
        WHERE r <> ALL (refused) AND (r_events[r] = 0 OR a_expected[r_append[r]] = -1);
    END IF;
    request := 0; outcome := 0; stream := NULL; first_position := NULL; last_position := head; recorded_at := moment; digest := NULL; kind := NULL;
    version := lag;
    RETURN NEXT;
END
$$;


-- The Merkle tree over the log (docs/audit.md, docs/decisions/0014) ----------------------------------------------------------------------------

-- A follower of the log writes it, under a lease. Appends know nothing of it.

-- C2SP tlog-tiles: up to 256 hashes of 32 bytes side by side. Level -1 holds entries (the SHA-256 of each event's canonical JSON), level 0 their
-- leaf hashes, level n the roots of complete subtrees of 256^n leaves. The last tile of a level grows; a full tile never changes again.
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

-- How many leaves the tiles hold, and who may add to them. The token goes up whenever the lease changes hands, and each write names the token it
-- was given. So a follower that lost the lease without noticing can't write any more.
CREATE TABLE log.merkle_head (
    single           boolean PRIMARY KEY DEFAULT true CHECK (single),
    size             bigint         NOT NULL DEFAULT 0,
    lease_token      bigint         NOT NULL DEFAULT 0,
    lease_holder     text,
    lease_expires_at timestamptz(3),
    CONSTRAINT merkle_head_lease CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL))
);
INSERT INTO log.merkle_head DEFAULT VALUES;


-- The relay keeps how far each of its subscribers has come, and the processes that wait. Nothing here is true by itself: the log is.

CREATE SCHEMA relay;

-- Subscribers ----------------------------------------------------------------------------------------------------------------------------------

-- One row a subscriber: its checkpoint, and the lease under which one process at a time may move it. The token goes up whenever the lease changes
-- hands, and each write names it, so a process that lost the lease without noticing can't write any more.
CREATE TABLE relay.subscribers (
    name             text           NOT NULL,
    position         bigint         NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id         uuid, -- of the event at position: a log restored to an older state has another event there, or none
    has_begun        boolean        NOT NULL DEFAULT false, -- from then on it goes on from position, whatever a setting says of its start
    updated_at       timestamptz(3) NOT NULL DEFAULT now(),
    lease_token      bigint         NOT NULL DEFAULT 0,
    lease_holder     text,
    lease_expires_at timestamptz(3),
    CONSTRAINT subscribers_name PRIMARY KEY (name),
    CONSTRAINT subscribers_event CHECK ((position = 0) = (event_id IS NULL)),
    CONSTRAINT subscribers_lease CHECK ((lease_holder IS NULL) = (lease_expires_at IS NULL))
) WITH (fillfactor = 10);

-- How long a lease outlives its holder's last sign of life.
CREATE FUNCTION relay.lease_duration() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '3 seconds' $$;

-- Takes a lease. Returns its token and the checkpoint; no row while somebody else holds it. A lease that ends further ahead than one can was given
-- before the clock went back, and is void.
CREATE FUNCTION relay.acquire_lease(for_name text, new_holder text)
RETURNS TABLE (token bigint, at_position bigint, at_event uuid, begun boolean) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relay.subscribers (name) VALUES (for_name) ON CONFLICT DO NOTHING;
    RETURN QUERY
    UPDATE relay.subscribers
    SET lease_token = lease_token + 1, lease_holder = new_holder, lease_expires_at = clock_timestamp() + relay.lease_duration()
    WHERE name = for_name
        AND (lease_holder IS NULL OR lease_holder = new_holder OR lease_expires_at <= clock_timestamp()
            OR lease_expires_at > clock_timestamp() + 2 * relay.lease_duration())
    RETURNING lease_token, position, event_id, has_begun;
END
$$;

-- The first query of each transaction that writes under a lease: it locks the row, raises if the lease is lost, and is a sign of life.
CREATE FUNCTION relay.hold_lease(for_name text, under_token bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE relay.subscribers SET lease_expires_at = clock_timestamp() + relay.lease_duration()
    WHERE name = for_name AND lease_token = under_token AND lease_holder IS NOT NULL;
    IF NOT FOUND THEN RAISE EXCEPTION '% has lost lease %', for_name, under_token USING ERRCODE = 'AN010'; END IF;
END
$$;

-- The same, and moves the checkpoint. It raises where a plain UPDATE would hit no row and let the rest commit. The commit does not wait for the disk:
-- what a crash takes back is taken again, from the checkpoint on.
CREATE FUNCTION relay.advance(for_name text, under_token bigint, expected_position bigint, new_position bigint, new_event_id uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE relay.subscribers
    SET position = new_position, event_id = new_event_id, has_begun = true, updated_at = clock_timestamp(),
        lease_expires_at = clock_timestamp() + relay.lease_duration()
    WHERE name = for_name AND lease_token = under_token AND lease_holder IS NOT NULL AND position = expected_position
        AND new_position > expected_position;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% can''t go from % to % under lease %', for_name, expected_position, new_position, under_token USING ERRCODE = 'AN010';
    END IF;
END
$$;

-- For a subscriber that begins at position 0. A function named begin would keep psql from seeing the ends of statements in a dump.
CREATE FUNCTION relay.note_beginning(for_name text, under_token bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM relay.hold_lease(for_name, under_token);
    UPDATE relay.subscribers SET has_begun = true WHERE name = for_name;
END
$$;

CREATE FUNCTION relay.release_lease(for_name text, under_token bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE relay.subscribers SET lease_holder = NULL, lease_expires_at = NULL WHERE name = for_name AND lease_token = under_token
$$;

-- Processes ------------------------------------------------------------------------------------------------------------------------------------

-- One row an instance, made from its stream: what it costs while it waits.
CREATE TABLE relay.processes (
    id          uuid           NOT NULL,
    kind        text           NOT NULL,
    status      text           NOT NULL,
    step        text,
    failures    integer        NOT NULL,
    version     integer        NOT NULL, -- of the stream
    due_at      timestamptz(3), -- when there is something to do; NULL while it waits for a reply, or is over
    stuck_at    timestamptz(3), -- from when it counts as stuck; NULL once it is over
    progress_at timestamptz(3) NOT NULL,
    CONSTRAINT processes_id PRIMARY KEY (id)
);
CREATE INDEX processes_due ON relay.processes (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX processes_stuck ON relay.processes (stuck_at) WHERE stuck_at IS NOT NULL;
CREATE INDEX processes_progress ON relay.processes (progress_at, id);

-- Deliveries to webhooks (docs/webhooks.md, docs/decisions/0038).
--
-- The webhooks themselves are events of the log. Here is only how far each has come, and what was and is to be delivered. Nothing personal: a
-- delivery names its event, and its text is read from the log when it is sent.
CREATE TABLE relay.webhooks (
    webhook   uuid   PRIMARY KEY,
    -- Every wanted event up to here has a delivery.
    enqueued  bigint NOT NULL,
    -- The last of the webhook's own events (tests, replays) that was carried out.
    commanded bigint NOT NULL,
    -- The receiver has asked for nothing before. It holds what is enqueued later, too.
    held_until timestamptz(3)
);

CREATE TABLE relay.webhook_deliveries (
    webhook         uuid     NOT NULL,
    position        bigint   NOT NULL,
    event           uuid     NOT NULL,
    type            text     NOT NULL,
    stream          text     NOT NULL,
    state           text     NOT NULL DEFAULT 'pending',
    attempts        int      NOT NULL DEFAULT 0,
    -- When it was due first, from which the 72 hours count, and when it is due next.
    first_due_at    timestamptz(3) NOT NULL,
    due_at          timestamptz(3) NOT NULL,
    last_attempt_at timestamptz(3),
    -- The status of the last answer, or why there was none, in words of our own.
    last_status     int,
    last_error      text,
    CONSTRAINT webhook_deliveries_place PRIMARY KEY (webhook, position),
    CONSTRAINT webhook_deliveries_state CHECK (state IN ('pending', 'delivered', 'parked'))
);
-- The first of each stream is the one to be sent.
CREATE INDEX webhook_deliveries_pending ON relay.webhook_deliveries (webhook, stream, position) WHERE state = 'pending';
-- For pruning.
CREATE INDEX webhook_deliveries_over ON relay.webhook_deliveries (last_attempt_at) WHERE state <> 'pending';

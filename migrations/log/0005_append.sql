-- The append function anew: the same promises for about half the work (docs/decisions/0009).
--
-- Arrays stand for tables. r_*: one element a request. a_*: one a stream that a request appends to. e_*: one an event. c_*: one a change of claims.
-- Numbers in them count from 1; the appends and events of the requests follow each other in the order of the requests. r_append: a request's first append, whose stream
-- its receipt names; r_last: the number of its last event. a_expected: -1 any, 0 none, n exactly. c_change: 1 take, 2 release, 3 require.
-- Requests of one batch must not share a command, touch one stream, or change one claim, together: that breaks a unique key or raises AN003, and the caller sends them singly.
--
-- hopeful: nothing is looked up that a unique key will tell: whether a command is a repeat, a stream that should be new exists, a value is taken. One that is (23505), or any
-- other refusal (AN004), makes the whole batch fail, and the caller sends it again, not hopeful. For batches in which a value is taken by new streams only.
--
-- Answers with one row for the batch (request 0: the head before it in last_position, its time in recorded_at) and one for each request whose outcome does not follow from that:
-- 0 appended (where it expected any version or has no event), 1 appended before, 2 conflict (version: the actual one), 3 claim taken, 4 claim missing (kind, stream).
-- All others were appended, in their order, right after the head.

-- A hash covers its kind, so it is a key alone.
ALTER TABLE log.claims DROP CONSTRAINT claims_value, ADD CONSTRAINT claims_value PRIMARY KEY (hash);

DROP FUNCTION log.append;

CREATE FUNCTION log.append(
    hopeful boolean,
    r_command uuid[], r_digest bytea[], r_metadata text[], r_append integer[], r_events integer[], r_last integer[],
    a_request integer[], a_stream text[], a_expected integer[], a_events integer[],
    e_append integer[], e_number integer[], e_id uuid[], e_type text[], e_schema_version smallint[], e_data text[],
    c_request integer[], c_change smallint[], c_kind text[], c_hash bytea[], c_stream text[]
) RETURNS TABLE (
    request integer, outcome smallint, stream text, version integer, first_position bigint, last_position bigint, recorded_at timestamptz, digest bytea,
    kind text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = log, pg_temp
-- Every look-up here is a handful of index probes: a plan made while a table was small must not outlive that, and neither planning anew nor compiling ever pays.
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
    heads   integer[];
    refused integer[] := '{}';
    places  integer[]; -- Of the events behind the head, where some are left out; null: all are appended as they are numbered.
    stands  bigint[];  -- The last positions of the streams of requests without events.
BEGIN
    -- Each statement below must see what was committed before the lock was got; one snapshot for all would hand out positions twice.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'AN002';
    END IF;
    IF hopeful IS NULL OR a_expected IS NULL OR array_position(a_expected, NULL) IS NOT NULL THEN
        RAISE EXCEPTION 'an expectation is missing' USING ERRCODE = '22004';
    END IF;
    -- Here and below, what only some batches need stands behind a condition that costs no query.
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

    PERFORM FROM log.append_lock FOR UPDATE;

    SELECT e.position, e.recorded_at INTO head, moment FROM log.events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    moment := greatest(date_trunc('milliseconds', clock_timestamp()), moment);
    request := 0; outcome := 0; last_position := head; recorded_at := moment;
    RETURN NEXT;

    IF NOT hopeful THEN
        FOR request, outcome, stream, version, first_position, last_position, recorded_at, digest, kind IN
            SELECT array_position(r_command, c.id), 1, c.stream, c.version, c.first_position, c.last_position, c.recorded_at, c.digest, NULL
            FROM log.commands c
            WHERE c.id = ANY (r_command)
        LOOP
            refused := refused || request;
            RETURN NEXT;
        END LOOP;
    END IF;

    -- Without an event there is no key that could tell of a stream.
    IF hopeful AND 0 = ALL (a_expected) AND 0 <> ALL (a_events) THEN
        heads := a_expected;
    ELSE
        heads := ARRAY(
            SELECT coalesce((SELECT e.version FROM log.events e WHERE e.stream = a_stream[a] ORDER BY e.version DESC LIMIT 1), 0)
            FROM generate_series(1, cardinality(a_stream)) a
            ORDER BY a
        );
        IF heads <> a_expected THEN
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

    IF NOT hopeful OR 3 = ANY (c_change) THEN
        -- One question for all first: a taken value or a missing claim is rare.
        IF EXISTS (SELECT FROM log.claims held WHERE NOT hopeful AND held.hash = ANY (c_hash)) OR EXISTS (
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
    END IF;
    IF hopeful AND cardinality(refused) > 0 THEN
        -- What was not looked up, such as a repeat, would have gone before this refusal.
        RAISE EXCEPTION 'the batch needs every look-up' USING ERRCODE = 'AN004';
    END IF;
    IF NOT hopeful AND 1 = ANY (c_change) THEN
        -- Taking a value gives up another of that kind that the stream may hold.
        DELETE FROM log.claims held
        USING unnest(c_request, c_change, c_kind, c_stream) AS c (request, change, kind, stream)
        WHERE c.change = 1 AND c.request <> ALL (refused) AND held.stream = c.stream AND held.kind = c.kind;
    END IF;
    IF 1 = ANY (c_change) THEN
        INSERT INTO log.claims (kind, hash, stream)
        SELECT c_kind[c], c_hash[c], c_stream[c]
        FROM generate_series(1, cardinality(c_request)) c
        WHERE c_change[c] = 1 AND c_request[c] <> ALL (refused);
    END IF;
    IF 2 = ANY (c_change) THEN
        -- After the values are taken: one that is given up by the same batch is still held by the one who gives it up.
        DELETE FROM log.claims held
        USING unnest(c_request, c_change, c_kind, c_stream) AS c (request, change, kind, stream)
        WHERE c.change = 2 AND c.request <> ALL (refused) AND held.stream = c.stream AND held.kind = c.kind;
    END IF;

    IF cardinality(refused) > 0 THEN
        places := ARRAY(
            SELECT count(*) FILTER (WHERE a_request[e_append[e]] <> ALL (refused)) OVER (ORDER BY e)
            FROM generate_series(1, cardinality(e_append)) e
            ORDER BY e
        );
    END IF;
    INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
    SELECT
        head + coalesce(places[e], e), a_stream[e_append[e]], heads[e_append[e]] + e_number[e], e_id[e], e_type[e], e_schema_version[e],
        e_data[e]::jsonb, r_metadata[a_request[e_append[e]]]::jsonb, moment
    FROM generate_series(1, cardinality(e_append)) e
    WHERE a_request[e_append[e]] <> ALL (refused);

    IF 0 = ANY (r_events) THEN
        stands := ARRAY(
            SELECT (SELECT e.position FROM log.events e WHERE e.stream = a_stream[r_append[r]] AND e.version = heads[r_append[r]])
            FROM generate_series(1, cardinality(r_command)) r
            ORDER BY r
        );
    END IF;
    INSERT INTO log.commands (id, digest, stream, version, first_position, last_position, recorded_at)
    SELECT
        r_command[r], r_digest[r], a_stream[r_append[r]], heads[r_append[r]] + a_events[r_append[r]],
        CASE WHEN r_events[r] > 0 THEN head + coalesce(places[r_last[r]], r_last[r]) - r_events[r] + 1 END,
        CASE WHEN r_events[r] > 0 THEN head + coalesce(places[r_last[r]], r_last[r]) ELSE coalesce(stands[r], 0) END,
        moment
    FROM generate_series(1, cardinality(r_command)) r
    WHERE r <> ALL (refused);

    IF 0 = ANY (r_events) OR -1 = ANY (a_expected) THEN
        RETURN QUERY
        SELECT r, 0::smallint, c.stream, c.version, c.first_position, c.last_position, c.recorded_at::timestamptz, c.digest, NULL
        FROM generate_series(1, cardinality(r_command)) r
        JOIN log.commands c ON c.id = r_command[r]
        WHERE r <> ALL (refused) AND (r_events[r] = 0 OR a_expected[r_append[r]] = -1);
    END IF;
END
$$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO annals_commands;

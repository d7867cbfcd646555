-- The one way into the log: a batch of independent requests, each appended whole or refused alone.
--
-- Arrays stand for tables. r_*: one element a request. a_*: one a stream that a request appends to. e_*: one an event. c_*: one a change of claims.
-- Numbers in them count from 1. a_expected: -1 any, 0 none, n exactly. c_change: 1 take, 2 release, 3 require.
-- Requests of one batch must not touch one stream, or change one claim, together: that breaks a unique key or raises AN003, and the caller sends them singly.
--
-- Outcomes: 0 appended, 1 appended before, 2 conflict (version: the actual one), 3 claim taken, 4 claim missing (kind, stream).

CREATE FUNCTION log.append(
    r_command uuid[], r_digest bytea[], r_append integer[], r_events integer[],
    a_request integer[], a_stream text[], a_expected integer[], a_events integer[],
    e_append integer[], e_number integer[], e_stream text[], e_id uuid[], e_type text[], e_schema_version smallint[], e_data text[], e_metadata text[],
    c_request integer[], c_change smallint[], c_kind text[], c_hash bytea[], c_stream text[]
) RETURNS TABLE (
    request integer, outcome smallint, stream text, version integer, first_position bigint, last_position bigint, recorded_at timestamptz, digest bytea,
    kind text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = log, pg_temp
-- Every look-up here is a handful of index probes; a plan made while a table was small must not outlive that.
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    head    bigint;
    moment  timestamptz(3);
    heads   integer[];
    refused integer[] := '{}';
    hit     record;
BEGIN
    -- Each statement below must see what was committed before the lock was got; one snapshot for all would hand out positions twice.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'AN002';
    END IF;
    IF 2 = ANY (c_change) AND EXISTS (
        SELECT FROM unnest(c_request, c_change, c_kind, c_stream) AS mine (request, change, kind, stream)
        JOIN unnest(c_request, c_change, c_kind, c_stream) AS other (request, change, kind, stream)
            ON other.kind = mine.kind AND other.stream = mine.stream AND other.request <> mine.request
        WHERE mine.change = 2
    ) THEN
        RAISE EXCEPTION 'requests of one batch depend on each other' USING ERRCODE = 'AN003';
    END IF;

    PERFORM FROM log.append_lock FOR UPDATE;

    SELECT e.position, e.recorded_at INTO head, moment FROM log.events e ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
    moment := greatest(date_trunc('milliseconds', clock_timestamp()), moment);

    FOR hit IN
        SELECT r.number::integer AS request, c.*
        FROM unnest(r_command) WITH ORDINALITY AS r (command, number)
        JOIN log.commands c ON c.id = r.command
    LOOP
        refused := refused || hit.request;
        RETURN QUERY SELECT hit.request, 1::smallint, hit.stream, hit.version, hit.first_position, hit.last_position, hit.recorded_at::timestamptz, hit.digest, NULL;
    END LOOP;

    heads := ARRAY(
        SELECT coalesce((SELECT e.version FROM log.events e WHERE e.stream = a.stream ORDER BY e.version DESC LIMIT 1), 0)
        FROM unnest(a_stream) WITH ORDINALITY AS a (stream, number)
        ORDER BY a.number
    );
    FOR hit IN
        SELECT DISTINCT ON (a.request) a.request, a.stream, a.head
        FROM unnest(a_request, a_stream, a_expected, heads) WITH ORDINALITY AS a (request, stream, expected, head, number)
        WHERE a.expected >= 0 AND a.expected <> a.head AND a.request <> ALL (refused)
        ORDER BY a.request, a.number
    LOOP
        refused := refused || hit.request;
        RETURN QUERY SELECT hit.request, 2::smallint, hit.stream, hit.head, NULL::bigint, NULL::bigint, NULL::timestamptz, NULL::bytea, NULL;
    END LOOP;

    IF cardinality(c_request) > 0 THEN
        FOR hit IN
            SELECT DISTINCT ON (c.request) c.request, c.change, c.kind, c.stream
            FROM unnest(c_request, c_change, c_kind, c_hash, c_stream) WITH ORDINALITY AS c (request, change, kind, hash, stream, number)
            WHERE c.request <> ALL (refused)
                AND (c.change = 1 AND EXISTS (SELECT FROM log.claims held WHERE held.kind = c.kind AND held.hash = c.hash AND held.stream <> c.stream)
                    OR c.change = 3 AND NOT EXISTS (SELECT FROM log.claims held WHERE held.stream = c.stream AND held.kind = c.kind))
            ORDER BY c.request, c.number
        LOOP
            refused := refused || hit.request;
            RETURN QUERY SELECT
                hit.request, (CASE hit.change WHEN 1 THEN 3 ELSE 4 END)::smallint, hit.stream, NULL::integer, NULL::bigint, NULL::bigint, NULL::timestamptz,
                NULL::bytea, hit.kind;
        END LOOP;

        -- Taking a value gives up another of that kind that the stream may hold.
        DELETE FROM log.claims held
        USING unnest(c_request, c_change, c_kind, c_stream) AS c (request, change, kind, stream)
        WHERE c.change IN (1, 2) AND c.request <> ALL (refused) AND held.stream = c.stream AND held.kind = c.kind;
        INSERT INTO log.claims (kind, hash, stream)
        SELECT c.kind, c.hash, c.stream
        FROM unnest(c_request, c_change, c_kind, c_hash, c_stream) AS c (request, change, kind, hash, stream)
        WHERE c.change = 1 AND c.request <> ALL (refused);
    END IF;

    INSERT INTO log.events (position, stream, version, id, type, schema_version, data, metadata, recorded_at)
    SELECT
        head + row_number() OVER (ORDER BY e.number), e.stream, heads[e.append] + e.place, e.id, e.type, e.schema_version, e.data::jsonb,
        e.metadata::jsonb, moment
    FROM unnest(e_append, e_number, e_stream, e_id, e_type, e_schema_version, e_data, e_metadata) WITH ORDINALITY
        AS e (append, place, stream, id, type, schema_version, data, metadata, number)
    WHERE a_request[e.append] <> ALL (refused)
    ORDER BY e.number;

    RETURN QUERY
    WITH accepted AS (
        SELECT
            r.number::integer AS request, r.command, r.digest, a_stream[r.append] AS stream, heads[r.append] + a_events[r.append] AS version, r.events,
            head + sum(r.events) OVER (ORDER BY r.number) AS last_position
        FROM unnest(r_command, r_digest, r_append, r_events) WITH ORDINALITY AS r (command, digest, append, events, number)
        WHERE r.number <> ALL (refused)
    ), receipts AS (
        SELECT
            accepted.request, command, accepted.digest, accepted.stream, accepted.version,
            CASE WHEN events > 0 THEN (accepted.last_position - events + 1)::bigint END AS first_position,
            CASE WHEN events > 0 THEN accepted.last_position::bigint ELSE coalesce(
                (SELECT e.position FROM log.events e WHERE e.stream = accepted.stream AND e.version = accepted.version), 0)
            END AS last_position
        FROM accepted
    ), kept AS (
        INSERT INTO log.commands (id, digest, stream, version, first_position, last_position, recorded_at)
        SELECT command, receipts.digest, receipts.stream, receipts.version, receipts.first_position, receipts.last_position, moment FROM receipts
    )
    SELECT
        receipts.request, 0::smallint, receipts.stream, receipts.version, receipts.first_position, receipts.last_position, moment::timestamptz,
        receipts.digest, NULL::text
    FROM receipts;
END
$$;

REVOKE ALL ON FUNCTION log.append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append TO annals_commands;

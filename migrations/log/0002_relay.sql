-- What the relay keeps: how far each of its subscribers has come, and the processes that wait. Nothing here is true by itself: the log is.

CREATE SCHEMA relay;

-- Subscribers ----------------------------------------------------------------------------------------------------------------------------------

-- One row a subscriber: its checkpoint, and the lease under which one process at a time may move it. The token goes up whenever the lease changes
-- hands, and each write names it, so a process that lost the lease without noticing can't write any more.
CREATE TABLE relay.subscribers (
    name             text           NOT NULL,
    position         bigint         NOT NULL DEFAULT 0 CHECK (position >= 0),
    event_id         uuid, -- of the event at position: a log restored to an older state has another event there, or none
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
RETURNS TABLE (token bigint, at_position bigint, at_event uuid) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO relay.subscribers (name) VALUES (for_name) ON CONFLICT DO NOTHING;
    RETURN QUERY
    UPDATE relay.subscribers
    SET lease_token = lease_token + 1, lease_holder = new_holder, lease_expires_at = clock_timestamp() + relay.lease_duration()
    WHERE name = for_name
        AND (lease_holder IS NULL OR lease_holder = new_holder OR lease_expires_at <= clock_timestamp()
            OR lease_expires_at > clock_timestamp() + 2 * relay.lease_duration())
    RETURNING lease_token, position, event_id;
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

-- The same, and moves the checkpoint. It raises where a plain UPDATE would hit no row and let the rest commit.
CREATE FUNCTION relay.advance(for_name text, under_token bigint, expected_position bigint, new_position bigint, new_event_id uuid)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE relay.subscribers
    SET position = new_position, event_id = new_event_id, updated_at = clock_timestamp(),
        lease_expires_at = clock_timestamp() + relay.lease_duration()
    WHERE name = for_name AND lease_token = under_token AND lease_holder IS NOT NULL AND position = expected_position
        AND new_position > expected_position;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% can''t go from % to % under lease %', for_name, expected_position, new_position, under_token USING ERRCODE = 'AN010';
    END IF;
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

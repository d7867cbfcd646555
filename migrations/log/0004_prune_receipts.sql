-- Receipts answer repeats for a day. After that they go, else log.commands grows as fast as the log.
--
-- One call looks at 128 blocks (1 MiB) of the table, deletes what is old there, and answers where to go on; NULL at the end of the table. It takes no lock that an append
-- waits for, and rows that another prune is at are left to it.
--
-- There is no index on recorded_at, although one would find the old rows. Each append would pay for it, for ever, under the one lock that all of them take turns on; a walk
-- through the table costs whoever walks, and nobody else. A BRIN index is as cheap as none, but does not stay true: vacuum gives the space of deleted rows to new ones, so
-- after the first day each block range holds old and new rows and every range matches.

CREATE FUNCTION log.prune_receipts(older_than interval, first_block bigint, OUT removed integer, OUT next_block bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = log, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    -- Whoever calls, with whatever: the contract promises a day. NULL counts as a day too.
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

REVOKE ALL ON FUNCTION log.prune_receipts FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.prune_receipts TO annals_commands;

import Postgres

extension Statement {
    /// The last position of the log; 0 while it is empty.
    static let logHead = Statement("audit_log_head", "SELECT coalesce(max(position), 0) FROM log.events")

    static let treeSize = Statement("audit_tree_size", "SELECT size FROM log.merkle_head")

    /// The tree's size and its largest checkpoint's, from one snapshot.
    static let treeSizes = Statement(
        "audit_tree_sizes", "SELECT size, (SELECT coalesce(max(size), 0) FROM log.merkle_checkpoints) FROM log.merkle_head")

    /// Tiles by level ($1) and index ($2), as many as are there.
    static let tiles = Statement(
        "audit_tiles",
        """
        SELECT t.level, t.tile, t.hashes
        FROM unnest($1::smallint[], $2::bigint[]) AS wanted (level, tile)
        JOIN log.merkle_tiles t ON t.level = wanted.level AND t.tile = wanted.tile
        """)

    /// The first tile that is wider than a tree of that size has it, or that no tree has, and the size: from one snapshot, since a follower may add
    /// to them. A superuser may have written any number there, so nothing here may overflow.
    static let surplusTile = Statement(
        "audit_surplus_tile",
        """
        SELECT t.level, t.tile, h.size
        FROM log.merkle_head h
        JOIN log.merkle_tiles t
            ON t.tile < 0 OR t.level NOT BETWEEN -1 AND 7
            OR t.tile::numeric * 256 + length(t.hashes) / 32 > h.size >> (8 * greatest(t.level, 0))
        ORDER BY t.level, t.tile
        LIMIT 1
        """)

    static let newestCheckpoint = Statement("audit_newest_checkpoint", "SELECT note FROM log.merkle_checkpoints ORDER BY size DESC LIMIT 1")

    static let newestCheckpointSize = Statement("audit_newest_checkpoint_size", "SELECT coalesce(max(size), 0) FROM log.merkle_checkpoints")

    /// The checkpoints of trees of $1 to $2 leaves, smallest first.
    static let checkpointsBetween = Statement(
        "audit_checkpoints_between", "SELECT size, note FROM log.merkle_checkpoints WHERE size BETWEEN $1 AND $2 ORDER BY size")

    /// The new token and the tree's size; no row while somebody else holds the lease. By the database's clock: those of the followers' machines may
    /// differ.
    static let acquireMerkleLease = Statement(
        "audit_acquire_lease",
        """
        UPDATE log.merkle_head
        SET lease_token = lease_token + 1, lease_holder = $1, lease_expires_at = clock_timestamp() + interval '3 seconds'
        WHERE lease_holder IS NULL OR lease_holder = $1 OR lease_expires_at <= clock_timestamp()
            -- Set by a clock that was ahead of this one; the token keeps its holder from writing all the same.
            OR lease_expires_at > clock_timestamp() + interval '10 seconds'
        RETURNING lease_token, size
        """)

    static let eventBeforeFirst = Statement(
        "audit_event_before_first", "SELECT position FROM log.events WHERE position < 1 ORDER BY position LIMIT 1")

    /// A sign of life.
    static let renewMerkleLease = Statement(
        "audit_renew_lease",
        "UPDATE log.merkle_head SET lease_expires_at = clock_timestamp() + interval '3 seconds' WHERE lease_token = $1 AND lease_holder IS NOT NULL")

    static let releaseMerkleLease = Statement(
        "audit_release_lease", "UPDATE log.merkle_head SET lease_holder = NULL, lease_expires_at = NULL WHERE lease_token = $1")

    /// Goes from size $2 to $3 under the lease $1; no row when either is not so any more.
    static let advanceTree = Statement(
        "audit_advance_tree",
        """
        UPDATE log.merkle_head SET size = $3, lease_expires_at = clock_timestamp() + interval '3 seconds'
        WHERE lease_token = $1 AND lease_holder IS NOT NULL AND size = $2
        RETURNING size
        """)

    static let storeTiles = Statement(
        "audit_store_tiles",
        """
        INSERT INTO log.merkle_tiles (level, tile, hashes) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
        ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes
        """)

    static let storeCheckpoint = Statement(
        "audit_store_checkpoint", "INSERT INTO log.merkle_checkpoints (size, note) VALUES ($1, $2) ON CONFLICT (size) DO NOTHING")

    static let checkpointOfSize = Statement("audit_checkpoint_of_size", "SELECT note FROM log.merkle_checkpoints WHERE size = $1")
}

import Postgres

/// Whether the read database has yet to let go of what was erased between two positions.
enum ErasuresLeft {
    /// $1 and $2: the first and the last position. One row: how far erasures are scrubbed, and whether one of these is parked.
    ///
    /// A parked erasure counts in any state: one that an operator has discarded has erased nothing.
    static let statement = Statement(
        "erasures_left",
        """
        SELECT
            least((SELECT position FROM annals.scrubbed), (SELECT min(position) FROM annals.checkpoints)),
            EXISTS (SELECT FROM annals.parked_events WHERE type IN ('UserClosed', 'PostDeleted') AND position BETWEEN $1 AND $2)
        """)
}

import Postgres

/// Whether any table of a read model, live, kept or being made, has yet to take the erasures between two positions.
enum ErasuresLeft {
    /// $1 and $2: the first and the last position. One row: the lowest position of a live model (NULL when there are no models), and whether something is left.
    ///
    /// A parked erasure counts in any state: one that an operator has discarded has erased nothing.
    static let statement = Statement(
        "erasures_left",
        """
        SELECT
            (SELECT min(position) FROM annals.checkpoints),
            EXISTS (SELECT FROM annals.builds WHERE position < $2)
                OR EXISTS (SELECT FROM annals.parked_events WHERE type IN ('UserClosed', 'PostDeleted') AND position BETWEEN $1 AND $2)
        """)
}

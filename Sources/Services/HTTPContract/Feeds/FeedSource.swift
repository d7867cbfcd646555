/// Where a feed's pages come from.
package protocol FeedSource: Sendable {
    /// The log's last position now.
    func head() async throws -> Int64

    /// The events after a position, a few hundred at most and one at least. Called only where there is one.
    func page(after position: Int64) async throws -> FeedPage

    /// Hands over what is appended after a position, page after page without a gap, until cancelled. Throws `EventStoreError.rewritten` when the log
    /// is not the one that had this position.
    func follow(after position: Int64, _ publish: @Sendable (FeedPage) -> Void) async throws
}

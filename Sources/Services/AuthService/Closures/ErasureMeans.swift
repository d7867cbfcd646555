package import FoundationEssentials
package import HTTPContract

/// What the closure of an account needs of the other parts, beside the command service.
package struct ErasureMeans: Sendable {
    /// How many positions of the log are looked through at once.
    static let stride: Int64 = 50_000

    /// The posts that a user began, between two positions of the log, in its order.
    let posts: @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID]
    /// Knows how far the read models are.
    let queries: ServiceClient
    /// Destroys a person's data key for good; no error when it is destroyed already.
    let destroyKey: @Sendable (UUID) async throws -> Void

    package init(
        posts: @escaping @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID], queries: ServiceClient,
        destroyKey: @escaping @Sendable (UUID) async throws -> Void
    ) {
        self.posts = posts
        self.queries = queries
        self.destroyKey = destroyKey
    }
}

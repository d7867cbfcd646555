package import AccessTokens
import HTTPTypes
import PublishingAPI

extension ServiceClient {
    /// The feed of the auth service that this client reaches.
    package var revocationFeed: RevocationFollower.Feed {
        { cursor in
            let answer = try await self.get(.revocations, query: cursor.map { "after=\($0)" } ?? "")
            guard let update = answer.data.flatMap(RevocationUpdate.init) else { throw UnreadableFeed(status: answer.status.code) }
            return update
        }
    }
}

/// The feed answered with something else than revocations.
struct UnreadableFeed: Error {
    let status: Int
}

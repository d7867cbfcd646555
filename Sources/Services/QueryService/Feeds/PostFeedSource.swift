import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Logging
import PublishingAPI

/// Published posts as they come and go: the command service says what has changed, and the read models what of it is public now.
struct PostFeedSource: FeedSource {
    /// Ids in one statement.
    private static let chunk = 500
    /// Seconds for which the command service holds an answer back while nothing happens.
    private static let patience = 2

    let commands: ServiceClient
    let models: ReadModels
    let logger: Logger

    func head() async throws -> Int64 { try await changes(after: 0, limit: 0, wait: 0).head }

    func page(after position: Int64) async throws -> FeedPage {
        try await page(of: changes(after: position, limit: LiveFeed.replaySize, wait: 0), after: position)
    }

    func follow(after position: Int64, _ publish: @Sendable (FeedPage) -> Void) async throws {
        var position = position
        while true {
            try Task.checkCancellation()
            let changes = try await changes(after: position, limit: LiveFeed.replaySize, wait: Self.patience)
            guard changes.through > position else { continue }
            publish(try await page(of: changes, after: position))
            position = changes.through
        }
    }

    private func changes(after position: Int64, limit: Int, wait: Int) async throws -> PostChanges {
        let answer = try await commands.get(.postChanges, query: "after=\(position)&limit=\(limit)&wait=\(wait)")
        if answer.problemCode == .positionAhead { throw EventStoreError.rewritten(position: position) }
        guard let changes = answer.data.flatMap(PostChanges.init) else {
            logger.debug("the command service does not tell what has changed", metadata: ["status": "\(answer.status.code)"])
            throw Problem.unavailable()
        }
        return changes
    }

    private func page(of changes: PostChanges, after position: Int64) async throws -> FeedPage {
        let posts = try await publicPosts(in: changes)
        // However often a post was viewed, its count is told once.
        var lastViews: [UUID: Int64] = [:]
        for change in changes.changes where change.kind == .viewed { for post in change.posts { lastViews[post] = change.position } }
        var page = FeedPage(after: position)
        for change in changes.changes {
            switch change.kind {
            case .unpublished, .deleted:
                for post in change.posts { page.add(change.kind, at: change.position) { $0.member("id", post) } }
            case .published, .edited:
                for post in change.posts.compactMap({ posts[$0] }) {
                    page.add(change.kind, at: change.position) {
                        $0.words(of: post, at: change.kind == .published ? post.publishedAt ?? change.at : change.at)
                    }
                }
            case .viewed:
                let viewed = change.posts.filter { lastViews[$0] == change.position }.compactMap { posts[$0] }
                for (index, post) in viewed.enumerated() {
                    page.add(change.kind, at: change.position, isLast: index == viewed.count - 1) {
                        $0.member("id", post.id)
                        $0.member("viewCount", post.viewCount)
                    }
                }
            }
        }
        page.close(through: changes.through)
        page.withdraws = changes.withdraws
        return page
    }

    /// Those that everybody may see, as the log stands now: a read model that has not come so far could show what was taken back since.
    private func publicPosts(in changes: PostChanges) async throws -> [UUID: PublicPosts.Post] {
        let ids = Array(Set(changes.changes.filter { $0.kind != .unpublished && $0.kind != .deleted }.flatMap(\.posts)))
        let wait = WaitForPosition(position: changes.head, timeout: WaitForPosition.longestTimeout)
        var posts: [UUID: PublicPosts.Post] = [:]
        for start in stride(from: 0, to: ids.count, by: Self.chunk) {
            let query = PublicPosts(ids: Array(ids[start..<min(start + Self.chunk, ids.count)]))
            posts.merge(try await models.read(query, from: wait).value) { $1 }
        }
        return posts
    }
}

extension FeedPage {
    fileprivate mutating func add(
        _ kind: PostChanges.Kind, at position: Int64, isLast: Bool = true, _ members: (inout JSONWriter) -> Void
    ) {
        var json = JSONWriter(capacity: 512)
        json.object(members)
        add(kind.rawValue, at: position, isLast: isLast, json: json.bytes)
    }
}

extension JSONWriter {
    fileprivate mutating func words(of post: PublicPosts.Post, at time: Timestamp) {
        member("id", post.id)
        member("slug", post.slug)
        member("title", post.title)
        name("author")
        object {
            $0.member("id", post.author.id)
            $0.member("username", post.author.username)
            $0.member("displayName", post.author.displayName)
        }
        member("at", time)
    }
}

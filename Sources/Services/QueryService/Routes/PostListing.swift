import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import PublishingAPI

/// One list of posts: whose, and in which order.
enum PostListing {
    /// All published posts, last published first.
    case newest
    /// All published posts, most viewed first.
    case mostViewed
    /// An author's published posts, last published first.
    case newestOf(UUID)
    /// An author's published posts, most viewed first.
    case mostViewedOf(UUID)
    /// An author's posts and drafts, last drafted first.
    case allOf(UUID)

    var identity: ListIdentity {
        switch self {
        case .newest: ListIdentity(name: "newest")
        case .mostViewed: ListIdentity(name: "views")
        case .newestOf(let author): ListIdentity(name: "newest", author: author)
        case .mostViewedOf(let author): ListIdentity(name: "views", author: author)
        case .allOf(let author): ListIdentity(name: "all", author: author)
        }
    }

    /// Where a post stands in this list.
    func key(of post: PostDocument) -> ListKey {
        switch self {
        case .newest, .newestOf: ListKey(rank: (post.publishedAt ?? post.createdAt)?.milliseconds ?? 0, id: post.id)
        case .mostViewed, .mostViewedOf: ListKey(rank: post.viewCount ?? 0, id: post.id)
        case .allOf: ListKey(rank: post.createdAt?.milliseconds ?? 0, id: post.id)
        }
    }

    /// Asks the one query that answers this part of this list.
    func read(_ place: ListPlace, from models: ReadModels, for request: Request) async throws -> Snapshot<PostPage> {
        func read(_ query: some PostListQuery) async throws -> Snapshot<PostPage> { try await models.read(query, for: request) }
        let limit = place.rowsWanted
        return switch (self, place.start) {
        case (.newest, .after(let key)): try await read(NewestPosts(after: key, limit: limit))
        case (.newest, .offset(let offset)): try await read(NewestPostsByOffset(offset: offset, limit: limit))
        case (.mostViewed, .after(let key)): try await read(MostViewedPosts(after: key, limit: limit))
        case (.mostViewed, .offset(let offset)): try await read(MostViewedPostsByOffset(offset: offset, limit: limit))
        case (.newestOf(let author), .after(let key)): try await read(NewestPostsOfAuthor(author: author, after: key, limit: limit))
        case (.newestOf(let author), .offset(let offset)): try await read(NewestPostsOfAuthorByOffset(author: author, offset: offset, limit: limit))
        case (.mostViewedOf(let author), .after(let key)): try await read(MostViewedPostsOfAuthor(author: author, after: key, limit: limit))
        case (.mostViewedOf(let author), .offset(let offset)):
            try await read(MostViewedPostsOfAuthorByOffset(author: author, offset: offset, limit: limit))
        case (.allOf(let author), .after(let key)): try await read(AllPostsOfAuthor(author: author, after: key, limit: limit))
        case (.allOf(let author), .offset(let offset)): try await read(AllPostsOfAuthorByOffset(author: author, offset: offset, limit: limit))
        }
    }
}

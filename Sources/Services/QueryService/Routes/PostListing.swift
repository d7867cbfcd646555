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

    /// Asks for one part of this list.
    func read(_ place: ListPlace, from models: ReadModels, for request: Request) async throws -> Snapshot<PostPage> {
        let query =
            switch self {
            case .newest: PostListQuery(.newest, of: nil, from: place)
            case .mostViewed: PostListQuery(.mostViewed, of: nil, from: place)
            case .newestOf(let author): PostListQuery(.newestOfAuthor, of: author, from: place)
            case .mostViewedOf(let author): PostListQuery(.mostViewedOfAuthor, of: author, from: place)
            case .allOf(let author): PostListQuery(.allOfAuthor, of: author, from: place)
            }
        return try await models.read(query, for: request)
    }
}

import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import PublishingAPI

/// Lists of posts: everyone's published ones, and one author's.
struct PostListRoutes: Sendable {
    let models: ReadModels
    let cursors: CursorCodec

    func add(to routes: inout Routes) {
        routes.on(.listPosts) { request, _ in
            var query = QueryParameters(request)
            let author = query.id("author")
            let sortsByViews = query.choice("sort", of: ["newest": false, "views": true], default: false)
            let listing: PostListing =
                if let author {
                    sortsByViews ? .mostViewedOf(author) : .newestOf(author)
                } else {
                    sortsByViews ? .mostViewed : .newest
                }
            return try await answer(listing, query, request)
        }
        routes.on(.postsOfUser) { request, context in
            let author = try context.id()
            let listing: PostListing = context.mayManage(postsOf: author) ? .allOf(author) : .newestOf(author)
            return try await answer(listing, QueryParameters(request), request, needsAccount: true)
        }
    }

    /// One page. With `needsAccount`, 404 unless the author has an account.
    private func answer(_ listing: PostListing, _ query: QueryParameters, _ request: Request, needsAccount: Bool = false) async throws -> Response {
        let place = try ListPlace(query, in: listing.identity, cursors: cursors)
        let found = try await listing.read(place, from: models, for: request)
        guard found.value.isKnown || !needsAccount else { throw QueryResponse.notFound(at: found.position) }
        let (posts, pagination) = place.cut(found.value.posts, of: found.value.total, in: listing.identity, cursors: cursors, by: listing.key(of:))
        return QueryResponse.list(pagination, at: found.position, to: request) {
            for post in posts { post.write(to: &$0, viewCounts: &$1) }
        }
    }
}

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

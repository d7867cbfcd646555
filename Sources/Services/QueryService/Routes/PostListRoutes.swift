import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import PublishingAPI

/// Lists of posts: everyone's published ones, and one author's.
struct PostListRoutes: Sendable {
    let models: ReadModels
    let cursors: CursorCodec
    let cache: AnswerCache<PreparedList>?

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
        let found = try await models.read(listing.query(place), for: request, keptIn: cache) { found in
            let (posts, pagination) = place.cut(found.posts, of: found.total, in: listing.identity, cursors: cursors, by: listing.key(of:))
            let representation = Representation.list(pagination) { writer, viewCounts in
                for post in posts { post.write(to: &writer, viewCounts: &viewCounts) }
            }
            return PreparedList(isKnown: found.isKnown, representation: representation)
        }
        guard let list = found.value, list.isKnown || !needsAccount else { throw QueryResponse.notFound(at: found.position) }
        return QueryResponse.response(list.representation, at: found.position, to: request)
    }
}

/// A page of posts that is ready to be sent.
struct PreparedList: KeepableAnswer {
    /// Whether the author whose posts they are has an account.
    let isKnown: Bool
    let representation: Representation
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

    /// The query of one part of this list.
    func query(_ place: ListPlace) -> PostListQuery {
        switch self {
        case .newest: PostListQuery(.newest, of: nil, from: place)
        case .mostViewed: PostListQuery(.mostViewed, of: nil, from: place)
        case .newestOf(let author): PostListQuery(.newestOfAuthor, of: author, from: place)
        case .mostViewedOf(let author): PostListQuery(.mostViewedOfAuthor, of: author, from: place)
        case .allOf(let author): PostListQuery(.allOfAuthor, of: author, from: place)
        }
    }
}

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
        routes.on(.listPosts) { request, _ in try await answer(page(of: request), request) }
        routes.on(.postsOfUser) { request, context in try await answer(pageOfUser(request, context), request) }
        routes.onDirectly(.listPosts) { call, reply in try answer(page(of: call.request), call, reply) }
        routes.onDirectly(.postsOfUser) { call, reply in try answer(pageOfUser(call.request, call.context), call, reply) }
    }

    private func page(of request: Request) throws -> ListPage {
        var query = QueryParameters(request)
        let author = query.id("author")
        let sortsByViews = query.choice("sort", of: ["newest": false, "views": true], default: false)
        let listing: PostListing =
            if let author {
                sortsByViews ? .mostViewedOf(author) : .newestOf(author)
            } else {
                sortsByViews ? .mostViewed : .newest
            }
        return try ListPage(listing, query, cursors)
    }

    private func pageOfUser(_ request: Request, _ context: CallContext) throws -> ListPage {
        let author = try context.id()
        let listing: PostListing = context.mayManage(postsOf: author) ? .allOf(author) : .newestOf(author)
        return try ListPage(listing, QueryParameters(request), cursors, needsAccount: true)
    }

    private func answer(_ page: ListPage, _ request: Request) async throws -> Response {
        try page.answer(await models.read(page.query, for: request, keptIn: cache, page.prepare), to: request).response
    }

    private func answer(_ page: ListPage, _ call: DirectCall, _ reply: @escaping DirectReply) {
        models.read(page.query, for: call, keptIn: cache, page.prepare) { found in
            reply(Result { try page.answer(found.get(), to: call.request) })
        }
    }
}

/// One page of a list, as it was asked for.
private struct ListPage: Sendable {
    let listing: PostListing
    let place: ListPlace
    let cursors: CursorCodec
    /// 404 unless the author has an account.
    let needsAccount: Bool

    init(_ listing: PostListing, _ query: QueryParameters, _ cursors: CursorCodec, needsAccount: Bool = false) throws {
        self.listing = listing
        place = try ListPlace(query, in: listing.identity, cursors: cursors)
        self.cursors = cursors
        self.needsAccount = needsAccount
    }

    var query: PostListQuery { listing.query(place) }

    func prepare(_ found: PostPage) -> PreparedList? {
        let (posts, pagination) = place.cut(found.posts, of: found.total, in: listing.identity, cursors: cursors, by: listing.key(of:))
        let representation = Representation.list(pagination) { writer, viewCounts in
            for post in posts { post.write(to: &writer, viewCounts: &viewCounts) }
        }
        return PreparedList(isKnown: found.isKnown, representation: representation)
    }

    func answer(_ found: Snapshot<PreparedList?>, to request: Request) throws(Problem) -> ReadyAnswer {
        guard let list = found.value, list.isKnown || !needsAccount else { throw QueryResponse.notFound(at: found.position) }
        return QueryResponse.answer(list.representation, at: found.position, to: request)
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

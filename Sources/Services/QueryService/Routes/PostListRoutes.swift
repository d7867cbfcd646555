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
    private func answer(
        _ listing: PostListing, _ query: QueryParameters, _ request: Request, needsAccount: Bool = false
    ) async throws -> Response {
        let place = try ListPlace(query, in: listing.identity, cursors: cursors)
        let found = try await listing.read(place, from: models, for: request)
        guard found.value.isKnown || !needsAccount else { throw QueryResponse.notFound(at: found.position) }
        let (posts, pagination) = place.cut(found.value.posts, of: found.value.total, in: listing.identity, cursors: cursors, by: listing.key(of:))
        return QueryResponse.list(pagination, at: found.position, to: request) {
            for post in posts { post.write(to: &$0, viewCounts: &$1) }
        }
    }
}

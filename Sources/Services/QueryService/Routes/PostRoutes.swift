import HTTPContract
import HTTPTypes
import Hummingbird

/// One post, by its id or its slug.
struct PostRoutes: Sendable {
    let models: ReadModels
    let views: ViewWindow

    func add(to routes: inout Routes) {
        routes.on(.get, "/api/v1/posts/by-slug/{slug}") { request, context in
            try await show(PostBySlug(slug: context.parameters.text("slug")), request, context)
        }
        routes.on(.get, "/api/v1/posts/{id}") { request, context in
            try await show(PostByID(id: context.id()), request, context)
        }
    }

    private func show<Query: ReadQuery>(_ query: Query, _ request: Request, _ context: CallContext) async throws -> Response
    where Query.Answer == PostRow? {
        try request.refuseParameters()
        let found = try await models.read(query, for: request)
        guard let post = found.value, context.maySee(post) else { throw QueryAnswer.notFound(at: found.position) }
        let response = QueryAnswer.entity(version: post.version, at: found.position, to: request) { post.writeWhole(to: &$0) }
        if isView(of: post, request, context) { views.count(post.id) }
        return response
    }

    /// Whether this answer is a view: somebody else than the author gets to see a published post, and does not object to being counted.
    private func isView(of post: PostRow, _ request: Request, _ context: CallContext) -> Bool {
        post.published && request.method == .get && request.headers[.doNotTrack] != "1" && context.user?.id != post.author
    }
}

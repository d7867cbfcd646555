import AccessTokens
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import PublishingAPI

/// One post, by its id or its slug.
struct PostRoutes: Sendable {
    let models: ReadModels
    let views: ViewWindow
    let limit: ViewerLimit
    let cache: AnswerCache<PreparedPost>?

    func add(to routes: inout Routes) {
        routes.on(.postBySlug) { request, context in try await show(bySlug(context), request, context) }
        routes.on(.post) { request, context in try await show(PostByID(id: context.id()), request, context) }
        routes.onDirectly(.postBySlug) { call, reply in try show(bySlug(call.context), call, reply) }
        routes.onDirectly(.post) { call, reply in try show(PostByID(id: call.context.id()), call, reply) }
    }

    private func bySlug(_ context: CallContext) throws(Problem) -> PostBySlug {
        guard let query = PostBySlug(try context.parameters.text("slug")) else { throw Problem.notFound() }
        return query
    }

    private func show<Query: ReadQuery>(_ query: Query, _ request: Request, _ context: CallContext) async throws -> Response
    where Query.Answer == PostDocument? {
        try request.refuseParameters()
        let found = try await models.read(query, for: request, keptIn: cache) { $0.map(PreparedPost.init) }
        return try answer(found, request, context).response
    }

    private func show<Query: ReadQuery>(_ query: Query, _ call: DirectCall, _ reply: @escaping DirectReply) throws
    where Query.Answer == PostDocument? {
        try call.request.refuseParameters()
        models.read(query, for: call, keptIn: cache, { $0.map(PreparedPost.init) }) { found in
            reply(Result { try answer(found.get(), call.request, call.context) })
        }
    }

    private func answer(_ found: Snapshot<PreparedPost?>, _ request: Request, _ context: CallContext) throws(Problem) -> ReadyAnswer {
        guard let post = found.value, context.mayRead(post.access) else { throw QueryResponse.notFound(at: found.position) }
        if isView(of: post, request, context), limit.takes(post.id, by: context) { views.count(post.id) }
        return QueryResponse.answer(post.representation, at: found.position, to: request)
    }

    /// Whether this answer is a view: somebody else than the author gets to see a published post, and does not object to being counted.
    private func isView(of post: PreparedPost, _ request: Request, _ context: CallContext) -> Bool {
        post.access.isPublished && request.method == .get && request.header(.doNotTrack) != "1" && request.header(.attempt) == nil
            && context.user?.id != post.access.author
    }
}

/// A post that is ready to be sent, and what decides who gets it.
struct PreparedPost: KeepableAnswer {
    let id: UUID
    let access: PostAccess
    let representation: Representation

    init(_ post: PostDocument) {
        id = post.id
        access = post.access
        representation = .post(post)
    }
}

import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// The commands on posts.
struct PostCommandRoutes: Sendable {
    let store: any EventStore
    let posts: CommandHandler<PostRules>
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        let draft = PostDrafting(store: store, posts: posts, identity: identity, slugs: MadeSlugs(store: store))

        routes.on(.createPost) { try await draft.response($0, $1) }

        routes.on(.editPost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let edit = PostEdit(title: fields.optional("title"), slug: fields.optional("slug"), content: fields.optional("content"))
            try fields.finish()
            do {
                let handled = try await posts.handle(
                    .edit(by: Actor(user), edit), on: post, in: try identity.command(request, context, by: user, body: body))
                return handled.response { $0.member("slug", $1.state.post?.slug.value) }
            } catch EventStoreError.subjectUnknown(let author) where author != user.id {
                // An admin's own account is fine; new text would be the author's, and theirs is to be forgotten.
                throw Problem.conflict("The post's author was erased; it takes no new text.")
            }
        }

        routes.on(.publishPost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.optionalJSONBody() ?? [:]
            var fields = Fields(body)
            let now = Timestamp.now
            // A caller's clock may be ahead by this much.
            let time = fields.optionalTime("publishedAt").map { $0 <= now.advanced(by: .seconds(60)) ? min($0, now) : $0 }
            if let time, time > now { fields.refuse("publishedAt", "must not be in the future") }
            try fields.finish()
            return try await posts.handle(
                .publish(by: Actor(user), at: time), on: post, in: try identity.command(request, context, by: user, body: body)
            ).response()
        }

        routes.on(.unpublishPost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.emptyJSONBody()
            return try await posts.handle(
                .unpublish(by: Actor(user)), on: post, in: try identity.command(request, context, by: user, body: body)
            ).response()
        }

        PostScheduling(store: store, posts: posts, identity: identity).add(to: &routes)

        routes.on(.deletePost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.emptyJSONBody()
            do {
                let handled = try await posts.handle(
                    .delete(by: Actor(user)), on: post, in: try identity.command(request, context, by: user, body: body))
                return Answer.noContent(headers: handled.headers)
            } catch PostRefusal.deleted {
                throw Problem.notFound()
            }
        }
    }
}

extension CallContext {
    /// The stream of the post that the path names.
    var post: StreamName {
        get throws(Problem) { StreamName(PostRules.category, try id()) }
    }
}

/// `POST /posts`: a new post, under the slug asked for or one made from its title.
struct PostDrafting: Sendable {
    let store: any EventStore
    let posts: CommandHandler<PostRules>
    let identity: CommandIdentity
    let slugs: MadeSlugs

    func response(_ request: Request, _ context: CallContext) async throws -> Response {
        let user = try context.signedIn()
        let body = try await request.jsonBody()
        var fields = Fields(body)
        let givenTitle = fields.required("title", as: Title.self)
        let givenContent = fields.required("content", as: Content.self)
        let chosen = fields.optional("slug", as: Slug.self)
        let publish = fields.optionalBool("publish") ?? false
        let (title, content) = try fields.finish(givenTitle, givenContent)

        var command = try identity.command(request, context, by: user, body: body)
        // There is no post yet whose version could be named.
        command.expected = .new
        let stream = StreamName(PostRules.category, .v7())
        func draft(under slug: Slug) async throws -> CommandResult<PostRules> {
            do {
                return try await posts.handle(
                    .draft(author: user.id, title: title, slug: slug, content: content, publish: publish), on: stream, in: command)
            } catch EventStoreError.keyUnusable(let author) {
                // A user who never registered has no key either, and is refused for that.
                guard try await store.holder(of: .active, value: author.lowercased) != nil else {
                    throw CommandFailure.claimMissing(.active, holder: StreamName(UserRules.category, author))
                }
                throw EventStoreError.keyUnusable(author)
            }
        }
        let handled = if let chosen { try await draft(under: chosen) } else { try await slugs.withFree(Slug(for: title.text), take: draft) }
        return handled.response(.created, location: Endpoint.post.path(handled.stream.id.lowercased)) { $0.member("slug", $1.state.post?.slug.value) }
    }
}

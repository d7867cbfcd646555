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
    let posts: CommandHandler<PostRules>
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        let draft = PostDrafting(posts: posts, identity: identity)

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
                    .edit(by: Actor(user), edit), on: post,
                    in: try identity.command(request, context, by: user, body: body))
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
                .publish(by: Actor(user), at: time), on: post,
                in: try identity.command(request, context, by: user, body: body)
            ).response()
        }

        routes.on(.unpublishPost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.optionalJSONBody() ?? [:]
            var fields = Fields(body)
            try fields.finish()
            return try await posts.handle(
                .unpublish(by: Actor(user)), on: post,
                in: try identity.command(request, context, by: user, body: body)
            ).response()
        }

        routes.on(.deletePost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.optionalJSONBody() ?? [:]
            var fields = Fields(body)
            try fields.finish()
            do {
                let handled = try await posts.handle(
                    .delete(by: Actor(user)), on: post,
                    in: try identity.command(request, context, by: user, body: body))
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

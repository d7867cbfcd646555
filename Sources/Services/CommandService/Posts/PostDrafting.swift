import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import Publishing
import PublishingAPI

/// `POST /posts`: a new post, under the slug asked for or one made from its title.
struct PostDrafting: Sendable {
    let posts: CommandHandler<PostRules>
    let identity: CommandIdentity

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
            try await posts.handle(
                .draft(author: user.id, title: title, slug: slug, content: content, publish: publish), on: stream, in: command)
        }
        let handled = if let chosen { try await draft(under: chosen) } else { try await drafted(under: Slug(for: title.text), draft) }
        return handled.response(.created, location: Endpoint.post.path(handled.stream.id.lowercased)) { $0.member("slug", $1.state.post?.slug.value) }
    }

    /// Tries the made slug, then the next few numbers, then random ones: common titles are taken by the hundred.
    private func drafted(
        under slug: Slug, _ draft: (Slug) async throws -> CommandResult<PostRules>
    ) async throws -> CommandResult<PostRules> {
        for attempt in UInt32(1)...10 {
            do {
                let suffix = attempt <= 4 ? attempt : UInt32.random(in: 5...UInt32(pow10: attempt))
                return try await draft(attempt == 1 ? slug : slug.numbered(suffix))
            } catch CommandFailure.claimTaken(.slug) {
                continue
            }
        }
        throw Problem.duplicate(field: "slug")
    }
}

extension UInt32 {
    /// 10 to that power, at most 9.
    fileprivate init(pow10 exponent: UInt32) {
        self = (0..<Swift.min(exponent, 9)).reduce(1) { power, _ in power * 10 }
    }
}

import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// Posts that are to be published by themselves. A process waits for the time (`RelayService`); here are the commands that it and the author give.
struct PostScheduling: Sendable {
    let store: any EventStore
    let posts: CommandHandler<PostRules>
    let identity: CommandIdentity

    func add(to routes: inout Routes) {
        routes.on(.schedulePost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.jsonBody()
            var fields = Fields(body)
            let given = fields.optionalTime("at")
            let command = try identity.command(request, context, by: user, body: body)
            // A repeat gets the first answer, although its time may have come since.
            let isRepeat = try await store.receipt(of: command) != nil
            if body["at"] == nil || body["at"] == .null { fields.refuse("at", "is required") }
            if let given, !isRepeat {
                if given <= .now { fields.refuse("at", "must be in the future") }
                if given > Timestamp.now.advanced(by: PostRules.longestSchedule) { fields.refuse("at", "must be within five years") }
            }
            let time = try fields.finish(given)
            let handled = try await posts.handle(.schedule(by: Actor(user), at: time), on: post, in: command)
            return Answer.data(.accepted, headers: handled.headers) {
                $0.object {
                    $0.member("id", handled.stream.id)
                    $0.member("at", time)
                }
            }
        }

        routes.on(.unschedulePost) { request, context in
            let user = try context.signedIn()
            let post = try context.post
            let body = try await request.emptyJSONBody()
            do {
                let handled = try await posts.handle(
                    .unschedule(by: Actor(user)), on: post, in: try identity.command(request, context, by: user, body: body))
                return Answer.noContent(headers: handled.headers)
            } catch PostRefusal.deleted {
                throw Problem.notFound()
            }
        }

        // From the relay: `{"command", "author", "at", "givesUp"?, "correlation"?}`. The command's id makes a repeat harmless.
        routes.on(.publishScheduledPost) { request, context in
            let post = try context.post
            let body = try await request.jsonBody()
            func id(_ name: String) throws(Problem) -> UUID {
                guard let id = body[name]?.text.flatMap({ UUID(lowercase: $0) }) else { throw .validation(name, "must be an id") }
                return id
            }
            guard let time = body["at"]?.text.flatMap({ Timestamp($0) }) else { throw Problem.validation("at", "must be a time") }
            let (command, author) = (try id("command"), try id("author"))
            let givesUp = body["givesUp"] == .bool(true)
            // An event that follows from an import is the import's. Else the next one would take it for somebody's change.
            let origin = try await store.read(StreamRead(post, .backwards), limit: 1).first?.metadata.origin
            let metadata = EventMetadata(
                actor: givesUp ? nil : author, command: command, correlation: body["correlation"]?.text, traceparent: context.traceparent,
                origin: origin)
            let digest = identity.hasher.hash(["scheduled", post.description, author.lowercased, "\(time)", "\(givesUp)"])
            let handled = try await posts.handle(
                givesUp ? .giveUpSchedule(at: time) : .publishAsScheduled(at: time), on: post,
                in: CommandContext(
                    key: CommandReceipt.Key(id: command, digest: digest), isRepeatable: true, metadata: metadata,
                    claims: givesUp ? [] : [.requireActive(author)]))
            return handled.response()
        }
    }
}

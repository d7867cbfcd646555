import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI

/// A post's views: counting one that must not get lost, and looking at the counts.
struct PostViewRoutes: Sendable {
    let models: ReadModels
    let views: ViewWindow
    let limit: ViewerLimit
    let recorder: ViewRecorder
    let cursors: CursorCodec

    func add(to routes: inout Routes) {
        routes.on(.recordView) { request, context in try await record(request, context) }
        routes.on(.postViews) { request, context in try await show(request, context) }
    }

    /// 202 once the view is durable.
    private func record(_ request: Request, _ context: CallContext) async throws -> Response {
        let id = try context.id()
        try request.refuseParameters()
        let key = try Preconditions.idempotencyKey(request)
        _ = try await request.emptyJSONBody()
        guard let key else {
            if let position = try await positionIfOwn(id, request, context) { return accepted(at: position) }
            return accepted(at: try await views.record(id))
        }
        // A view with a key of its own can't share an event with others: its repeat must find it. An earlier one is looked for first, even if the
        // post is gone by now.
        let batch = ViewBatch(of: id, key: key)
        if let receipt = try await told({ try await recorder.receipt(of: batch, context: context) }) {
            return accepted(at: receipt.position, wasReplayed: receipt.wasReplayed)
        }
        if let position = try await positionIfOwn(id, request, context) { return accepted(at: position) }
        let receipt = try await told { try await recorder.record(batch, context: context) }
        return accepted(at: receipt.position, wasReplayed: receipt.wasReplayed)
    }

    /// Nil when a view of the post may be counted. For its author, who does not count, the position that the post was read at. Throws 404 for a post
    /// that is not published, and 429 when the caller's address has added its share.
    private func positionIfOwn(_ id: UUID, _ request: Request, _ context: CallContext) async throws -> Int64? {
        let query = PublishedPost(id: id)
        var found = try await models.read(query, for: request)
        if found.value == nil, let last = try await told({ try await recorder.position(of: id, context: context) }), last > found.position {
            // It may have been published a moment ago, and its reader need not know of any position.
            found = try await models.read(query, from: Preconditions.wait(for: last, request))
        }
        guard let author = found.value else { throw QueryResponse.notFound(at: found.position) }
        if context.user?.id == author { return found.position }
        guard limit.takes(id, by: context) else { throw Problem.rateLimited(policy: "views", retryAfter: limit.retryAfter) }
        return nil
    }

    /// Turns the recorder's errors into problems.
    private func told<Outcome>(_ ask: () async throws -> Outcome) async throws -> Outcome {
        do {
            return try await ask()
        } catch let refusal as ViewsRefused where refusal.code == .idempotencyKeyReused {
            throw Problem.idempotencyKeyReused()
        } catch is ViewsNotTaken {
            throw Problem.unavailable("The view could not be recorded.")
        }
    }

    private func accepted(at position: Int64, wasReplayed: Bool = false) -> Response {
        var headers = HTTPFields()
        headers.setPosition(position)
        if wasReplayed { headers.markReplayed() }
        return Answer.data(.accepted, headers: headers) { $0.object { $0.member("position", position) } }
    }

    /// The counts by hour or day, for the author and admins: the newest buckets, and by cursor older ones, each page in order of time.
    private func show(_ request: Request, _ context: CallContext) async throws -> Response {
        let id = try context.id()
        var parameters = QueryParameters(request)
        let isByHour = parameters.choice("by", of: ["hour": true, "day": false], default: false)
        var span = ViewSpan()
        if let from = parameters.time("from") { span.from = from.milliseconds }
        if let to = parameters.time("to") { span.to = to.milliseconds }
        let list = ListIdentity(name: isByHour ? "hourly views" : "daily views", author: id)
        let place = try ListPlace(parameters, in: list, cursors: cursors, hasPages: false)
        guard case .after(let last) = place.start else { throw Problem.malformed("This list has no pages.") }
        let query = ViewsOfPost(post: id, isByHour: isByHour, span: span, before: last.rank, limit: place.rowsWanted)
        let found = try await models.read(query, for: request)
        guard let buckets = found.value else { throw QueryResponse.notFound(at: found.position) }
        try context.requireManagement(of: buckets.access, or: QueryResponse.notFound(at: found.position))
        let (shown, pagination) = place.cut(buckets.list, of: buckets.total, in: list, cursors: cursors) { ListKey(rank: $0.start, id: id) }
        return QueryResponse.list(pagination, at: found.position, to: request) { writer, _ in
            for bucket in shown.reversed() {
                writer.object {
                    $0.member("at", Timestamp(milliseconds: bucket.start))
                    $0.member("count", bucket.count)
                }
            }
        }
    }
}

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
            try await checkVisibility(of: id, for: request)
            return accepted(ViewRecorder.Receipt(position: try await views.record(id), wasReplayed: false))
        }
        // A view with a key of its own can't share an event with others: its repeat must find it. An earlier one is looked for first, even if the
        // post is gone by now.
        let batch = ViewBatch([(id, 1)], key: key)
        if let receipt = try await told({ try await recorder.receipt(of: batch, context: context) }) { return accepted(receipt) }
        try await checkVisibility(of: id, for: request)
        return accepted(try await told { try await recorder.record(batch, context: context) })
    }

    private func checkVisibility(of post: UUID, for request: Request) async throws {
        let found = try await models.read(PostVisibility(id: post), for: request)
        guard found.value else { throw QueryResponse.notFound(at: found.position) }
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

    private func accepted(_ receipt: ViewRecorder.Receipt) -> Response {
        var headers = HTTPFields()
        headers.setPosition(receipt.position)
        if receipt.wasReplayed { headers.markReplayed() }
        return Answer.data(.accepted, headers: headers) {
            $0.object { $0.member("position", receipt.position) }
        }
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

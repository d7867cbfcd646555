import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Hummingbird

/// A post's views: counting one that must not get lost, and looking at the counts.
struct ViewRoutes: Sendable {
    let models: ReadModels
    let views: ViewWindow
    let recorder: ViewRecorder

    func add(to routes: inout Routes) {
        routes.on(.post, "/api/v1/posts/{id}/views") { request, context in try await record(request, context) }
        routes.on(.get, "/api/v1/posts/{id}/views") { request, context in try await show(request, context) }
    }

    /// 202 once the view is durable.
    private func record(_ request: Request, _ context: CallContext) async throws -> Response {
        let id = try context.id()
        let key = try Preconditions.idempotencyKey(request)
        // There is nothing to say about a view but that it happened: any member is unknown.
        if let body = try await request.optionalJSONBody() {
            var fields = Fields(body)
            try fields.finish()
        }
        let post = try await models.read(PostVisibility(id: id), for: request)
        guard post.value else { throw QueryAnswer.notFound(at: post.position) }
        guard let key else { return accepted(ViewRecorder.Receipt(position: try await views.record(id), wasReplayed: false)) }
        return accepted(try await recordAlone(id, key: CallerKey.scoped(key, to: context), context))
    }

    /// A view with a key of its own can't share an event with others: its repeat must find it.
    private func recordAlone(_ post: UUID, key: String, _ context: CallContext) async throws -> ViewRecorder.Receipt {
        do {
            return try await recorder.record(ViewBatch([(post, 1)], key: key), context: context)
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
            $0.object { $0.member("position", count: receipt.position) }
        }
    }

    /// The counts by hour or day, for the author and admins.
    private func show(_ request: Request, _ context: CallContext) async throws -> Response {
        let id = try context.id()
        _ = try context.signedIn()
        var query = QueryParameters(request)
        let isByHour = query.choice("by", of: ["hour": true, "day": false], default: false)
        var span = ViewSpan()
        if let from = query.time("from") { span.from = from.milliseconds }
        if let to = query.time("to") { span.to = to.milliseconds }
        try query.finish()
        let found =
            if isByHour {
                try await models.read(HourlyViews(post: id, span: span), for: request)
            } else {
                try await models.read(DailyViews(post: id, span: span), for: request)
            }
        guard let buckets = found.value else { throw QueryAnswer.notFound(at: found.position) }
        guard context.mayManage(postsOf: buckets.author) else {
            throw buckets.published ? Problem.forbidden("Only its author may see this.") : QueryAnswer.notFound(at: found.position)
        }
        return QueryAnswer.series(at: found.position, to: request) {
            for bucket in buckets.list {
                $0.object {
                    $0.member("at", time: bucket.start)
                    $0.member("count", count: bucket.count)
                }
            }
        }
    }
}

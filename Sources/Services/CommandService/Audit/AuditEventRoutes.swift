import Audit
import EventSourcing
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import PublishingAPI

/// The audit trail in pages, as CloudEvents, with personal data opened: for admins.
struct AuditEventRoutes: Sendable {
    let trail: OpenedTrail
    let store: any EventStore
    let catalog: EventCatalog

    func add(to routes: inout Routes) {
        routes.on(.auditEvents) { request, _ in
            var query = QueryParameters(request)
            let limit = query.integer("limit", in: 1...1000, default: 100)
            let filter = query.trailFilter(types: catalog)
            try query.finish()
            try await store.waitForPosition(request)
            let page = try await trail.page(filter, limit: limit)
            guard filter.after <= page.head else { throw Problem.positionAhead(of: page.head) }
            return answer(page, filter: filter, limit: limit, to: request)
        }
    }

    private func answer(_ page: OpenedTrail.Page, filter: TrailFilter, limit: Int, to request: Request) -> Response {
        var writer = JSONWriter(capacity: 4096)
        writer.object {
            $0.name("data")
            $0.array { for event in page.events { $0.cloudEvent(event, catalog: catalog) } }
            $0.name("pagination")
            $0.object {
                $0.name("limit")
                $0.integer(limit)
                $0.name("total")
                // The log's length is its head. How many of them a filter wants is known to nobody who has not counted.
                if filter == TrailFilter(after: filter.after) { $0.integer(page.head) } else { $0.null() }
                if let next = page.next {
                    $0.name("nextAfter")
                    $0.integer(next)
                }
            }
        }
        var headers = HTTPFields()
        headers.setReadModelPosition(page.head)
        let etag = entityTag(listBody: writer.bytes)
        headers[.eTag] = etag
        if Preconditions.isNotModified(request, etag: etag) { return Answer.notModified(headers: headers) }
        return Answer.bytes(json: writer.bytes, headers: headers)
    }
}

extension QueryParameters {
    fileprivate mutating func trailFilter(types catalog: EventCatalog) -> TrailFilter {
        var filter = TrailFilter(after: Int64(integer("after", in: 0...Int.max, default: 0)), actor: id("actor"))
        filter.from = time("from")
        filter.to = time("to")
        if let from = filter.from, let to = filter.to, to < from { refuse("to", "must not be before from") }
        if let name = name("stream") {
            filter.stream = StreamName(name)
            if filter.stream == nil { refuse("stream", "must be a stream's name such as post-0198a3c4-…") }
        }
        if let type = name("type") {
            filter.types = [type]
            if catalog[type] == nil { refuse("type", "must be the type of an event such as PostPublished") }
        }
        return filter
    }
}

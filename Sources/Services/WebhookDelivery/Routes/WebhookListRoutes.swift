package import EventSourcing
import FoundationEssentials
package import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import Publishing
import PublishingAPI

/// The webhooks as the log has them, and their deliveries as the relay has noted them.
package struct WebhookListRoutes: Sendable {
    private let store: any EventStore
    private let deliveries: DeliveryLog

    /// - Parameter store: the log, opened.
    package init(store: any EventStore, deliveries: DeliveryLog) {
        self.store = store
        self.deliveries = deliveries
    }

    package func add(to routes: inout Routes) {
        routes.on(.listWebhooks) { request, _ in try await list(request) }
        routes.on(.webhookDeliveries) { try await listDeliveries($0, $1) }
    }

    /// Folds the events of all webhooks: admins make few of them.
    private func list(_ request: Request) async throws -> Response {
        var query = QueryParameters(request)
        let limit = query.integer("limit", in: 1...100, default: 20)
        let cursor = query.cursor()
        try query.finish()
        let head = try await waitedHead(request)
        let start = Int(clamping: try cursor.map { try position(in: $0) } ?? 0)
        var folded: [StreamName: FoldedStream<WebhookRules>] = [:]
        for try await page in store.pages(of: LogRead(EventFilter(category: WebhookRules.category))) {
            for event in page {
                var stream = try folded[event.stream] ?? FoldedStream()
                try stream.fold([event])
                folded[event.stream] = stream
            }
        }
        // Ids are made in the order of time.
        let present = folded.filter { $0.value.state.webhook != nil }.sorted { $0.key.id.lowercased > $1.key.id.lowercased }
        let page = present.dropFirst(start).prefix(limit)
        let counts = try await deliveries.counts(of: page.map(\.key.id))
        var pagination = Pagination(limit: limit, total: Int64(present.count))
        if start + page.count < present.count { pagination.nextCursor = "\(start + page.count)" }
        return Answer.list(pagination, headers: Self.headers(at: head)) { writer in
            for (stream, folded) in page {
                guard let webhook = folded.state.webhook else { continue }
                let counts = counts[stream.id] ?? DeliveryLog.Counts()
                writer.object {
                    $0.member("id", stream.id)
                    $0.member("url", webhook.url.value)
                    $0.member("types", webhook.types)
                    $0.member("state", folded.state.name)
                    $0.member("publicKey", webhook.keys.publicKey)
                    $0.member("createdAt", folded.createdAt)
                    $0.member("pending", counts.pending)
                    $0.member("parked", counts.parked)
                    $0.member("lastDeliveredAt", counts.lastDeliveredAt)
                    $0.member("version", folded.version)
                }
            }
        }
    }

    private func listDeliveries(_ request: Request, _ context: CallContext) async throws -> Response {
        let webhook = StreamName(WebhookRules.category, try context.id())
        var query = QueryParameters(request)
        let limit = query.integer("limit", in: 1...100, default: 20)
        let states = Dictionary(uniqueKeysWithValues: DeliveryLog.State.allCases.map { ($0.rawValue, Optional($0)) })
        let state = query.choice("state", of: states, default: nil)
        let cursor = query.cursor()
        try query.finish()
        let before = try cursor.map { try position(in: $0) } ?? .max
        let folded = try FoldedStream<WebhookRules>(try await store.load(webhook).events)
        guard folded.state.webhook != nil else { throw Problem.notFound() }
        let head = try await store.head()
        let found = try await deliveries.deliveries(of: webhook.id, before: before, state: state, limit: limit + 1)
        let counts = try await deliveries.counts(of: [webhook.id])[webhook.id] ?? DeliveryLog.Counts()
        var pagination = Pagination(limit: limit, total: counts.total(of: state))
        if found.count > limit { pagination.nextCursor = "\(found[limit - 1].position)" }
        return Answer.list(pagination, headers: Self.headers(at: head)) { writer in
            for delivery in found.prefix(limit) {
                writer.object {
                    $0.member("position", delivery.position)
                    $0.member("eventId", delivery.event)
                    $0.member("type", delivery.type)
                    $0.member("stream", delivery.stream)
                    $0.member("state", delivery.state.rawValue)
                    $0.member("attempts", delivery.attempts)
                    $0.member("nextAttemptAt", delivery.dueAt)
                    $0.member("lastAttemptAt", delivery.lastAttemptAt)
                    $0.name("lastStatus")
                    if let status = delivery.lastStatus { $0.integer(status) } else { $0.null() }
                    $0.member("lastError", delivery.lastError)
                }
            }
        }
    }

    /// The log's head, once it has the position that the request waits for.
    private func waitedHead(_ request: Request) async throws -> Int64 {
        if let wait = try Preconditions.waitForPosition(request), try await store.head() < wait.position {
            _ = try await isDone(within: wait.timeout) { [store] in try await store.waitForEvents(after: wait.position - 1) }
            let head = try await store.head()
            guard head >= wait.position else { throw Problem.readModelBehind(position: head) }
        }
        return try await store.head()
    }

    private func position(in cursor: String) throws(Problem) -> Int64 {
        guard let position = Int64(cursor), position >= 0, "\(position)" == cursor else {
            throw .malformed("The cursor is not one that was given out here.")
        }
        return position
    }

    private static func headers(at head: Int64) -> HTTPFields {
        var headers = HTTPFields()
        headers.setReadModelPosition(head)
        return headers
    }
}

extension WebhookState {
    /// The state as answers name it.
    fileprivate var name: String {
        switch self {
        case .nonexistent, .deleted: "deleted"
        case .active: "active"
        case .ended: "ended"
        }
    }
}

extension DeliveryLog.Counts {
    fileprivate func total(of state: DeliveryLog.State?) -> Int64 {
        switch state {
        case nil: total
        case .pending?: pending
        case .parked?: parked
        case .delivered?: total - pending - parked
        }
    }
}

import Audit
import EventSourcing
import HTTPContract
import Hummingbird
import JSON
import PublishingAPI

/// The log as it grows, for admins: each event as a CloudEvent with personal data opened, under its type's name.
struct EventStreamRoutes: Sendable {
    let feed: LiveFeed
    let catalog: EventCatalog
    let authentication: Authentication

    func add(to routes: inout Routes) {
        let categories = Set(catalog.schemas.values.map(\.category))
        routes.on(.eventStream) { request, context in
            var query = QueryParameters(request)
            let position = try query.feedPosition(request)
            let types = query.names("type", among: Set(catalog.schemas.keys), such: "the type of an event such as PostPublished")
            let category = query.name("category")
            if let category, !categories.contains(category) { query.refuse("category", "must be the category of a stream such as post") }
            try query.finish()
            let start = try await feed.start(after: position)
            return try feed.response(from: start, FeedFilter(names: types, category: category), client: context.channel) {
                // A token that has expired or was revoked since is good for no more.
                do {
                    return try await authentication.token(of: request, for: Endpoint.eventStream.route.access) != nil
                } catch {
                    return false
                }
            }
        }
    }
}

/// The log in pages of CloudEvents.
struct LogFeedSource: FeedSource {
    let store: any EventStore
    let catalog: EventCatalog

    func head() async throws -> Int64 { try await store.head() }

    func page(after position: Int64) async throws -> FeedPage {
        page(of: try await Subscription.page(of: store, after: LogPlace(position, nil), limit: LiveFeed.replaySize), after: position)
    }

    func follow(after position: Int64, _ publish: @Sendable (FeedPage) -> Void) async throws {
        var position = position
        for try await events in store.subscribe(after: position, pageSize: LiveFeed.replaySize) {
            publish(page(of: events, after: position))
            position = events.last?.position ?? position
        }
        try Task.checkCancellation()
    }

    private func page(of events: [RecordedEvent], after position: Int64) -> FeedPage {
        var page = FeedPage(after: position)
        for event in events {
            var json = JSONWriter(capacity: 1024)
            json.cloudEvent(event, catalog: catalog)
            page.add(event.type, category: event.stream.category, at: event.position, json: json.bytes)
        }
        page.close(through: events.last?.position ?? position)
        page.withdraws = events.contains { catalog.erasing.contains($0.type) }
        return page
    }
}

import EventSourcing
import FoundationEssentials
import HTTPContract
import Hummingbird
import Publishing
import PublishingAPI

/// Tells the query service what the log has changed for readers of published posts.
struct PostChangeRoutes: Sendable {
    let store: any EventStore
    let catalog: EventCatalog

    func add(to routes: inout Routes) {
        // `limit` 0 asks for the head alone. With `wait` the answer comes when there is something, or empty after so many seconds.
        routes.on(.postChanges) { request, _ in
            var query = QueryParameters(request)
            let after = Int64(query.integer("after", in: 0...Int.max, default: 0))
            let limit = query.integer("limit", in: 0...1000, default: 0)
            let wait = query.integer("wait", in: 0...4, default: 0)
            try query.finish()
            let head = try await store.head()
            guard after <= head else { throw Problem.positionAhead(of: head) }
            if limit > 0, wait > 0, after == head { try await waitForEvents(after: after, atMost: .seconds(wait)) }
            var changes = PostChanges(through: after, head: head)
            if limit > 0 {
                let events = try await Subscription.page(of: store, after: LogPlace(after, nil), limit: limit)
                for event in events { if let change = try await change(by: event) { changes.changes.append(change) } }
                changes.through = events.last?.position ?? after
                changes.head = max(head, changes.through)
                changes.withdraws = events.contains { catalog.erasing.contains($0.type) } || changes.changes.contains { $0.kind == .unpublished }
            }
            return Answer.data { changes.write(to: &$0) }
        }
    }

    private func waitForEvents(after position: Int64, atMost time: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.waitForEvents(after: position) }
            group.addTask { try await Task.sleep(for: time) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// The meaning of an event for somebody who sees only what is public; nil for none.
    private func change(by event: RecordedEvent) async throws -> PostChanges.Change? {
        func change(_ kind: PostChanges.Kind, _ posts: [UUID]? = nil) -> PostChanges.Change {
            PostChanges.Change(position: event.position, kind: kind, posts: posts ?? [event.stream.id], at: event.recordedAt)
        }
        switch event.stream.category {
        case PostRules.category:
            switch try PostRules.decode(event) {
            case .drafted: return nil
            case .published: return change(.published)
            case .unpublished: return change(.unpublished)
            case .edited: return try await wasPublic(before: event) ? change(.edited) : nil
            case .deleted: return try await wasPublic(before: event) ? change(.deleted) : nil
            }
        case ViewRules.category: return change(.viewed)
        case ViewWindowRules.category:
            switch try ViewWindowRules.decode(event) {
            case .viewed(let counts): return change(.viewed, Array(counts.keys))
            }
        default: return nil
        }
    }

    /// Whether a post was published when something happened to it. A draft's life is nobody's business, and neither is its end.
    private func wasPublic(before event: RecordedEvent) async throws -> Bool {
        guard event.version > 1 else { return false }
        let visibility = StreamRead(event.stream, versions: 1...event.version - 1, types: PostRules.publicationTypes, .backwards)
        guard let last = try await store.read(visibility, limit: 1).first else { return false }
        switch try PostRules.decode(last) {
        case .published: return true
        case .unpublished, .drafted, .edited, .deleted: return false
        }
    }
}

package import EventSourcing
package import FoundationEssentials
import Postgres
import Publishing

/// The deliveries of one webhook: those of one stream one after the other, those of different streams side by side. Each stream goes on as soon as
/// its own attempt is over, however long another takes.
package struct WebhookQueue: Sendable {
    /// The next things to do.
    package enum Turn: Sendable, Equatable {
        /// Something was done; there may be more.
        case worked
        /// Nothing to do before an attempt is over, that moment, or the log grows.
        case delivering(until: Timestamp?)
        /// Nothing to do before all attempts are over.
        case finishing
        /// Nothing to do before that moment, or before the log grows.
        case idle(until: Timestamp?)
        /// The webhook is no more.
        case over
    }

    /// Deliveries that wait at a time; further events stay in the log until there is room.
    private static let capacity: Int64 = 1000
    private static let pageSize = 250

    let webhook: UUID
    let means: WebhookMeans
    let underWay: AttemptsUnderWay

    /// - Parameter signal: raised when an attempt is over.
    package init(of webhook: UUID, by means: WebhookMeans, raising signal: Signal) {
        self.webhook = webhook
        self.means = means
        underWay = AttemptsUnderWay(raising: signal)
    }

    /// Works turn by turn until `goesOn` says no. It is asked after each turn, and waits where there is nothing to do.
    package func work(_ goesOn: (Turn) async throws -> Bool) async throws {
        underWay.reset()
        try await withThrowingDiscardingTaskGroup { attempts in
            defer { attempts.cancelAll() }
            repeat { try underWay.confirmNoneFailed() } while try await goesOn(try await turn(&attempts))
        }
    }

    /// Carries out the webhook's orders, takes up new events, and begins an attempt at each delivery that is due and has room.
    private func turn(_ attempts: inout ThrowingDiscardingTaskGroup<any Error>) async throws -> Turn {
        guard let entry = means.registry[webhook] else {
            means.pending.forget(webhook)
            return .over
        }
        switch entry.state {
        case .nonexistent, .deleted:
            try await means.pool.query(.dropPending, [.uuid(webhook)])
            try await means.pool.query(.closeQueue, [.uuid(webhook)])
            means.pending.forget(webhook)
            return .over
        case .ended:
            try await means.pool.query(.dropPending, [.uuid(webhook)])
            means.pending.forget(webhook)
            return .over
        case .active(let subscription):
            guard let row = try await means.pool.query(.openQueue, [.uuid(webhook), .int8(entry.createdAt)]).first else { return .worked }
            let place = Place(enqueued: try row.get(0), commanded: try row.get(1))
            means.registry.drop(ordersOf: webhook, through: place.commanded)
            if let order = entry.orders.first(where: { $0.position > place.commanded }) {
                // Deliveries under way would count as delivered again.
                guard underWay.isEmpty else { return .finishing }
                try await carryOut(order, from: place)
                return .worked
            }
            let hasNews = try await takeUp(subscription.types, from: place)
            // One that is over by the time its stream was looked at leaves something to do.
            let isResting = underWay.isEmpty
            let (hasBegun, due) = try await begin(subscription, in: &attempts)
            if hasNews || hasBegun { return .worked }
            return isResting ? .idle(until: due) : .delivering(until: due)
        }
    }

    /// The position after which events are taken up; nil while there is no room for any.
    func place() async throws -> Int64? {
        guard try await countPending() < Self.capacity else { return nil }
        return try await means.pool.query(.openQueue, [.uuid(webhook), .int8(means.registry[webhook]?.createdAt ?? 0)]).first?.get(0)
    }

    private struct Place {
        let enqueued: Int64
        let commanded: Int64
    }

    private func carryOut(_ order: WebhookRegistry.Order, from place: Place) async throws {
        switch order.kind {
        case .test:
            try await move(
                place, to: Place(enqueued: place.enqueued, commanded: order.position),
                [
                    enqueue([(order.position, order.event, "WebhookTested", StreamName(WebhookRules.category, webhook))])
                ])
        case .replay(let position):
            let start = min(position, place.enqueued)
            try await move(
                place, to: Place(enqueued: start, commanded: order.position), [Query(.dropReplayed, [.uuid(webhook), .int8(start)])])
        }
    }

    /// Makes deliveries of the next events: true when the queue has moved.
    private func takeUp(_ types: [String], from place: Place) async throws -> Bool {
        let waiting = try await countPending()
        means.pending.note(waiting, of: webhook)
        guard waiting < Self.capacity else { return false }
        let page = try await means.log.read(
            LogRead(EventFilter(types: Set(types)), positions: place.enqueued + 1...Int64.max), limit: Self.pageSize)
        guard page.through > place.enqueued else { return false }
        let events = page.events.map { ($0.position, $0.id, $0.type, $0.stream) }
        try await move(
            place, to: Place(enqueued: page.through, commanded: place.commanded), events.isEmpty ? [] : [enqueue(events)])
        return !events.isEmpty
    }

    private func countPending() async throws -> Int64 {
        try await means.pool.query(.countPending, [.uuid(webhook)]).first?.get(0) ?? 0
    }

    private func enqueue(_ events: [(position: Int64, id: UUID, type: String, stream: StreamName)]) -> Query {
        Query(
            .enqueue,
            [
                .uuid(webhook), .int8s(events.map(\.position)), .uuids(events.map(\.id)), .texts(events.map(\.type)),
                .texts(events.map(\.stream.description)), .timestamp(means.now().milliseconds),
            ])
    }

    /// Moves the queue's place together with these changes. Another process that has moved it meanwhile has done the same work: nothing changes.
    private func move(_ place: Place, to next: Place, _ changes: [Query]) async throws {
        let move = Query(
            .moveQueue,
            [.uuid(webhook), .int8(place.enqueued), .int8(place.commanded), .int8(next.enqueued), .int8(next.commanded)])
        do {
            try await means.pool.withTransaction { session in
                let results = try await session.pipelined([move] + changes)
                guard results[0].affectedRows == 1 else { throw QueueMoved() }
            }
        } catch is QueueMoved {}
    }
}

/// Another process has moved a queue.
private struct QueueMoved: Error {}

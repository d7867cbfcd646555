package import EventSourcing
package import FoundationEssentials
package import Publishing
import Synchronization

/// All webhooks as the log has them: the fold of their events, kept in memory. It is the only place that the relay knows them from.
package final class WebhookRegistry: Sendable {
    /// One webhook, and what it has been told to do.
    package struct Entry: Sendable {
        package internal(set) var state: WebhookState = .nonexistent
        /// Where it was created: what happened before is not delivered.
        package internal(set) var createdAt: Int64 = 0
        /// Its tests and replays, in order.
        package internal(set) var orders: [Order] = []
    }

    /// A test or a replay.
    package struct Order: Sendable, Equatable {
        package enum Kind: Sendable, Equatable {
            case test
            case replay(after: Int64)
        }

        package let kind: Kind
        package let position: Int64
        package let event: UUID
    }

    private let entries = Mutex<[UUID: Entry]>([:])

    package init() {}

    package subscript(_ webhook: UUID) -> Entry? { entries.withLock { $0[webhook] } }

    /// Forgets all, to be folded from the log's start.
    package func clear() { entries.withLock { $0 = [:] } }

    /// Takes the next event of a webhook. Others are passed over.
    package func apply(_ event: RecordedEvent) throws(EventDecodingError) {
        guard event.stream.category == WebhookRules.category else { return }
        let change = try WebhookRules.decode(event)
        entries.withLock { entries in
            var entry = entries[event.stream.id] ?? Entry()
            WebhookRules.evolve(&entry.state, with: change)
            switch change {
            case .created: entry.createdAt = event.position
            case .tested: entry.orders.append(Order(kind: .test, position: event.position, event: event.id))
            case .replayRequested(let position):
                entry.orders.append(Order(kind: .replay(after: position), position: event.position, event: event.id))
            case .secretRotated, .ended, .deleted: break
            }
            entries[event.stream.id] = entry
        }
    }

    /// Forgets the orders that were carried out.
    func drop(ordersOf webhook: UUID, through position: Int64) {
        entries.withLock { $0[webhook]?.orders.removeAll { $0.position <= position } }
    }
}

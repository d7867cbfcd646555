import EventSourcing
import Synchronization

/// A reader that follows the log as a projector does: by subscription, and from its last event again when the log was away.
final class Follower: Sendable {
    private let store: any EventStore
    private let seen: Mutex<[RecordedEvent]> = Mutex([])
    private let start: Int64
    private let position: Milestone

    init(_ store: any EventStore, after position: Int64) {
        self.store = store
        start = position
        self.position = Milestone(position)
    }

    /// Every event it was given, in the order in which it was.
    var events: [RecordedEvent] { seen.withLock { $0 } }

    /// Follows until cancelled.
    func run() async throws {
        defer { position.close() }
        while !Task.isCancelled {
            do {
                for try await page in store.subscribe(after: events.last?.position ?? start, pageSize: 37) {
                    seen.withLock { $0 += page }
                    position.advance(to: page[page.count - 1].position)
                }
            } catch EventStoreError.unavailable {
                // The store has tried for seconds already.
            } catch is CancellationError {
                return
            }
        }
    }

    /// Waits until it has seen the event at a position. Throws when it never will.
    func reached(_ position: Int64) async throws { try await self.position.reached(position) }
}

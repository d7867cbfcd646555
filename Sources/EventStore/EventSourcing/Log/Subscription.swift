package import FoundationEssentials

/// The log from a position on, in order, as pages that never end.
///
/// This is the one place where readers rely on order. It is safe because positions are given out under the append lock and become visible with the
/// commit that holds it: a reader that sees n sees everything up to n. So the next event must be exactly last + 1, and anything else stops the
/// reader.
///
/// A log that is away is waited for, for ever: the subscription goes on by itself where it was, without missing or repeating an event. Each look
/// begins with the last event again, because a server that comes back may have been restored to an older state, and nobody who only waited would have
/// noticed that it was away.
package struct Subscription: AsyncSequence, Sendable {
    package typealias Element = [RecordedEvent]

    /// Called with the reason each time that the log turns out to be away.
    package typealias InterruptionHandler = @Sendable (_ reason: String) -> Void

    let store: any EventStore
    let position: Int64
    /// The id of the event at `position`, where the subscriber knows it.
    let lastEvent: UUID?
    let pageSize: Int
    let clock: any Clock<Duration>
    let onInterruption: InterruptionHandler

    package func makeAsyncIterator() -> Iterator {
        Iterator(subscription: self, position: position, lastEvent: lastEvent)
    }

    package struct Iterator: AsyncIteratorProtocol {
        private static let firstPause = Duration.milliseconds(50)
        private static let longestPause = Duration.seconds(1)

        let subscription: Subscription
        var position: Int64
        var lastEvent: UUID?

        fileprivate init(subscription: Subscription, position: Int64, lastEvent: UUID?) {
            self.subscription = subscription
            self.position = position
            self.lastEvent = lastEvent
        }

        /// The next page, never empty; nil when the task was cancelled. Throws what `page(of:after:_:limit:)` throws, but waits while the log is
        /// away.
        package mutating func next() async throws -> [RecordedEvent]? {
            var pause = Self.firstPause
            while !Task.isCancelled {
                do {
                    let page = try await read()
                    if !page.isEmpty { return page }
                    pause = Self.firstPause
                    try await subscription.store.waitForEvents(after: position)
                } catch is CancellationError {
                    return nil
                } catch let error as EventStoreError {
                    guard let reason = error.absence else { throw error }
                    subscription.onInterruption(reason)
                    // A sleep ends early only when the next page is not wanted any more.
                    do { try await subscription.clock.sleep(for: pause * Double.random(in: 0.5...1)) } catch { return nil }
                    pause = Swift.min(pause * 2, Self.longestPause)
                }
            }
            return nil
        }

        private mutating func read() async throws -> [RecordedEvent] {
            let page = try await Subscription.page(of: subscription.store, after: position, lastEvent, limit: subscription.pageSize)
            if let last = page.last { (position, lastEvent) = (last.position, last.id) }
            return page
        }
    }
}

extension Subscription {
    /// One look at the log: the events after a position, at most `limit`, none when there are none yet. Throws `EventStoreError.rewritten` when the
    /// log does not hold the event that the reader had at the position, and `EventStoreError.broken` when an event does not follow the one before.
    /// - Parameter lastEvent: the id of the event at the position, where it is known. It is read again with each look.
    package static func page(of store: any EventStore, after position: Int64, _ lastEvent: UUID?, limit: Int) async throws -> [RecordedEvent] {
        var page: [RecordedEvent]
        if position > 0, let lastEvent {
            page = try await store.read(after: position - 1, limit: limit + 1)
            guard let last = page.first, last.position == position, last.id == lastEvent else { throw EventStoreError.rewritten(position: position) }
            page.removeFirst()
        } else {
            page = try await store.read(after: position, limit: limit)
        }
        var last = position
        for event in page {
            guard event.position == last + 1 else { throw EventStoreError.broken(reason: "position \(event.position) follows \(last)") }
            last = event.position
        }
        return page
    }

    /// Throws `EventStoreError.rewritten` unless the log still holds the event that a reader had at a position: it was restored to an older state, or
    /// is another log.
    package static func confirm(_ lastEvent: UUID?, at position: Int64, in store: any EventStore) async throws {
        if position > 0 { _ = try await page(of: store, after: position, lastEvent ?? UUID(), limit: 0) }
    }
}

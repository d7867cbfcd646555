import FoundationEssentials

/// The log from a position on, in order, as pages that never end.
///
/// This is the one place where readers rely on order. It is safe because positions are given out under the append lock and become visible with the commit that
/// holds it: whoever sees n sees everything up to n. So the next event must be exactly last + 1, and anything else stops the reader.
///
/// A log that is away is waited for, for ever: the subscription goes on by itself where it was, without missing or repeating an event. Each look begins with the last
/// event again, because a server that comes back may have been restored to an older state, and nobody who only waited would have noticed that it was away.
package struct Subscription: AsyncSequence, Sendable {
    package typealias Element = [RecordedEvent]

    /// What is known of the log while it is away.
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

        /// The next page, never empty; nil when the task was cancelled. Throws `EventStoreError.broken` when an event does not follow the one before, or when the log
        /// does not hold the last one any more.
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
                } catch EventStoreError.unavailable(let reason) {
                    subscription.onInterruption(reason)
                    // The only way for a sleep to end early is that nobody wants the next page any more.
                    do { try await subscription.clock.sleep(for: pause * Double.random(in: 0.5...1)) } catch { return nil }
                    pause = Swift.min(pause * 2, Self.longestPause)
                }
            }
            return nil
        }

        private mutating func read() async throws -> [RecordedEvent] {
            let page = try await pageFromLastEvent()
            for event in page {
                guard event.position == position + 1 else {
                    throw EventStoreError.broken(reason: "position \(event.position) follows \(position)")
                }
                position = event.position
                lastEvent = event.id
            }
            return page
        }

        private func pageFromLastEvent() async throws -> [RecordedEvent] {
            guard position > 0, let lastEvent else { return try await subscription.store.read(after: position, limit: subscription.pageSize) }
            let page = try await subscription.store.read(after: position - 1, limit: subscription.pageSize + 1)
            guard page.first?.id == lastEvent else {
                throw EventStoreError.broken(reason: "the log does not hold the event \(position) that was read from it before")
            }
            return Array(page.dropFirst())
        }
    }
}

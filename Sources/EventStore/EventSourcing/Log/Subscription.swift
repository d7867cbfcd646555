package import FoundationEssentials

/// The log from a position on, in order, as pages that never end.
///
/// Readers may rely on order because positions are given out under the append lock and become visible with the commit that holds it: a reader that
/// sees n sees everything up to n. So the next event must be exactly last + 1, and anything else stops the reader. `LogPlace` checks that, here and
/// for those that read the log in another form.
///
/// While the log is unreachable the subscription waits; then it continues where it was. Each look begins with the last event again, because a server
/// that comes back may have been restored to an older state. Under load it lets events gather between two looks.
package struct Subscription: AsyncSequence, Sendable {
    /// Called with the reason each time that the log turns out to be away. What it throws ends the subscription.
    package typealias InterruptionHandler = @Sendable (_ reason: String) throws -> Void

    let store: any EventStore
    let start: LogPlace<UUID>
    let filter: EventFilter
    let pageSize: Int
    let pause: Duration
    let clock: any Clock<Duration>
    let gathering: Gathering
    let onInterruption: InterruptionHandler

    package func makeAsyncIterator() -> Iterator { Iterator(subscription: self, place: start, gathering: gathering) }

    package struct Iterator: AsyncIteratorProtocol {
        let subscription: Subscription
        var place: LogPlace<UUID>
        var gathering: Gathering

        /// The next page, never empty; nil when the task was cancelled. Throws what `page(of:after:limit:)` throws, but waits while the log is away.
        package mutating func next() async throws -> [RecordedEvent]? {
            var backoff = Backoff(from: .milliseconds(50), to: .seconds(1))
            while !Task.isCancelled {
                do {
                    let page = try await look()
                    if !page.isEmpty { return page }
                    backoff.reset()
                    try await subscription.store.waitForEvents(after: place.position)
                    if subscription.pause > .zero { try await subscription.clock.sleep(for: subscription.pause) }
                } catch is CancellationError {
                    return nil
                } catch let error as EventStoreError {
                    guard let reason = error.absence else { throw error }
                    try subscription.onInterruption(reason)
                    // A sleep ends early only when the next page is not wanted any more.
                    do { try await subscription.clock.sleep(for: backoff.next()) } catch { return nil }
                }
            }
            return nil
        }

        private mutating func look() async throws -> [RecordedEvent] {
            if let next = gathering.next(at: ContinuousClock.now) { try await subscription.clock.sleep(for: ContinuousClock.now.duration(to: next)) }
            let (start, position) = (ContinuousClock.now, place.position)
            let page = try await read()
            // A full page has more behind it.
            gathering.found(page.count < subscription.pageSize ? Int(place.position - position) : 0, at: start)
            return page
        }

        private mutating func read() async throws -> [RecordedEvent] {
            let (store, limit) = (subscription.store, subscription.pageSize)
            if subscription.filter == .everything {
                let page = try await Subscription.page(of: store, after: place, limit: limit)
                if let last = page.last { place = LogPlace(last.position, last.id) }
                return page
            }
            if !place.isConfirmed { _ = try await Subscription.page(of: store, after: place, limit: 0) }
            let page = try await store.read(LogRead(subscription.filter, positions: place.position + 1...Int64.max), limit: limit)
            if page.through > 0, place.lastEvent == nil || page.through > place.position {
                place = LogPlace(page.through, try await store.read(after: page.through - 1, limit: 1).first?.id)
            }
            return page.events
        }
    }
}

extension Subscription {
    /// One look at the log: the events after a place, at most `limit`, none when there are none yet. Throws what `LogPlace` throws.
    package static func page(of store: any EventStore, after place: LogPlace<UUID>, limit: Int) async throws -> [RecordedEvent] {
        var place = place
        let page = try await store.read(after: place.next - 1, limit: place.isConfirmed ? limit : limit + 1)
        let events = try page.filter { event in try place.take(event.position, event.id) }
        try place.confirm()
        return events
    }

    /// Throws `EventStoreError.rewritten` unless the log still holds the event that a reader had at a position: it was restored to an older state, or
    /// is another log.
    package static func confirm(_ lastEvent: UUID?, at position: Int64, in store: any EventStore) async throws {
        if position > 0 { _ = try await page(of: store, after: LogPlace(position, lastEvent ?? UUID()), limit: 0) }
    }
}

/// How far a reader has come, and the one check of order: it takes the events that are read from there on.
///
/// `Mark` is what a reader knows an event by: its id, or the hash of all that it says. Where the last event is known, it is read again first.
package struct LogPlace<Mark: Equatable & Sendable>: Sendable {
    /// The position of the last event; 0 before the first.
    package private(set) var position: Int64
    package private(set) var lastEvent: Mark?
    /// False while the last event is to be seen again before another is taken.
    private(set) var isConfirmed: Bool

    package init(_ position: Int64, _ lastEvent: Mark?) {
        self.position = position
        self.lastEvent = lastEvent
        isConfirmed = position == 0 || lastEvent == nil
    }

    /// The position to read from.
    package var next: Int64 { isConfirmed ? position + 1 : position }

    /// Takes the event that comes next; false when that is the last one again. Throws `EventStoreError.rewritten` when the log has another event
    /// there, and `EventStoreError.broken` when the event does not follow the one before.
    package mutating func take(_ position: Int64, _ mark: Mark) throws(EventStoreError) -> Bool {
        guard isConfirmed else {
            guard position == self.position, mark == lastEvent else { throw .rewritten(position: self.position) }
            isConfirmed = true
            return false
        }
        guard position == self.position + 1 else { throw .broken(reason: "position \(position) follows \(self.position)") }
        (self.position, lastEvent) = (position, mark)
        return true
    }

    /// Throws `EventStoreError.rewritten` when the last event was not there again, and `EventStoreError.broken` when one up to `position` is missing.
    package func confirm(through position: Int64 = 0) throws(EventStoreError) {
        guard isConfirmed else { throw .rewritten(position: self.position) }
        guard self.position >= position else { throw .broken(reason: "position \(self.position + 1) is missing") }
    }
}

package import EventSourcing
package import FoundationEssentials
import Synchronization

/// The log as all read models of a process read it: together. Models at about the same place share one read and one opening of what is sealed.
///
/// Each model pulls, so a slow one delays no other. The first model that needs an uncached page reads it; the others wait for that read. Under load a
/// page is read a moment after the one before: each costs every model a transaction, however few events it has.
package final class EventFeed: Sendable {
    /// Events in one page, and so at most in one batch. A set costs the server the same start for 4 events as for 2,000; larger pages gained nothing.
    package static let pageSize = 2_000
    /// Bytes of one page, about, unless one event alone has more. A set of its events is one statement, and PostgreSQL takes no value beyond 1 GB.
    static let pageBytes = 16 << 20

    private let store: any EventStore
    private let state = Mutex(SharedReads(pageSize: EventFeed.pageSize, pageBytes: EventFeed.pageBytes))

    package init(_ store: any EventStore) { self.store = store }

    /// Opened events are kept for twice this time at most: as long as others may use a key that they have opened.
    private static let dropInterval = Duration.seconds(30)

    /// Drops what was kept for long enough, until cancelled. On an idle system nothing else would.
    func dropOld(every interval: Duration = dropInterval) async throws {
        while true {
            try await Task.sleep(for: interval)
            state.withLock { $0.dropOld() }
        }
    }

    /// Runs `body`, drops meanwhile what was kept for long enough, and in the end the rest.
    func keepingBriefly<T: Sendable>(_ body: () async throws -> T) async throws -> T {
        defer { state.withLock { $0.forget() } }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.dropOld() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// The events after a position, at least one and at most a page, in number and in bytes: waits for the next one at the head. Throws what the log
    /// throws, and what `Subscription` throws when an event does not follow the one before.
    /// - Parameter id: of the event at the position, where it is known.
    package func events(after position: Int64, _ id: UUID? = nil) async throws -> [RecordedEvent] {
        while true {
            try Task.checkCancellation()
            switch state.withLock({ $0.turn(after: position, id) }) {
            case .found(let events): return events
            case .read: return try await readForAll(after: position, id)
            case .wait(let read): try await read.wait()
            }
        }
    }

    /// The event at a position as the log has it now; nil when it has none there.
    package func event(at position: Int64) async throws -> RecordedEvent? {
        try await store.read(after: position - 1, limit: 1).first
    }

    /// Throws `EventStoreError.rewritten` unless the event at `position` still has this id.
    package func confirm(_ id: UUID?, at position: Int64) async throws {
        try await Subscription.confirm(id, at: position, in: store)
    }

    /// Whether the event at `position` still has this id.
    package func holds(_ id: UUID?, at position: Int64) async throws -> Bool {
        do {
            try await confirm(id, at: position)
            return true
        } catch EventStoreError.rewritten {
            return false
        }
    }

    private func readForAll(after position: Int64, _ id: UUID?) async throws -> [RecordedEvent] {
        // Also when it fails or is cancelled: one of those who wait then reads for the others.
        defer { state.withLock { $0.end(after: position) }?.finish() }
        do {
            let next = state.withLock { $0.nextLook(after: position, at: ContinuousClock.now) }
            if let next { try await Task.sleep(until: next, clock: .continuous) }
            while true {
                let start = ContinuousClock.now
                let page = cut(try await Subscription.page(of: store, after: LogPlace(position, id), limit: Self.pageSize))
                if !page.isEmpty {
                    state.withLock { $0.add(page, after: id, lookedAt: start) }
                    return page
                }
                try await store.waitForEvents(after: position)
                try Task.checkCancellation()
            }
        } catch EventStoreError.rewritten(let rewritten) {
            // A first page has no predecessor to compare, so a restart would get pages of the old log.
            state.withLock { $0.forget() }
            throw EventStoreError.rewritten(position: rewritten)
        }
    }

    /// As much of what was read as makes a page. The log has bounded it already, by bytes as they are stored: less is left off than there is of data
    /// that compresses.
    private func cut(_ read: [RecordedEvent]) -> [RecordedEvent] {
        var page: [RecordedEvent] = []
        var size = 0
        for event in read {
            size += event.approximateSize
            if size > Self.pageBytes, !page.isEmpty { break }
            page.append(event)
        }
        return page
    }
}

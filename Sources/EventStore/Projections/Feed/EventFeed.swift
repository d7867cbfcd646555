package import EventSourcing
package import FoundationEssentials
import Synchronization

/// The log as all read models of a process read it: together. Models at about the same place share one read and one opening of what is sealed.
///
/// Models pull, so a slow one holds nobody up and nothing piles up before it. Who asks first for what is not kept reads it, in its own task; who asks for the same
/// meanwhile waits for that.
package final class EventFeed: Sendable {
    /// Events in one page, and so at most in one batch. A set costs the server the same start for 4 events as for 2,000; larger pages gained nothing.
    package static let pageSize = 2_000
    /// Bytes of one page, about, unless one event alone has more. A set of its events is one statement, and PostgreSQL takes no value beyond 1 GB.
    static let pageBytes = 16 << 20

    private let store: any EventStore
    private let state = Mutex(SharedReads(pageSize: EventFeed.pageSize, pageBytes: EventFeed.pageBytes))

    package init(_ store: any EventStore) {
        self.store = store
    }

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

    /// The events after a position, at least one and at most a page, in number and in bytes: waits for the next one at the head. Throws what the log throws, and `EventStoreError.broken`
    /// when an event does not follow the one before it.
    /// - Parameter id: of the event at the position. Where it is given, `LogRewritten` is thrown once the log has another one there, or none: it was restored to an
    ///   older state, which nobody who only waits at the head would notice.
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

    /// Whether the log has the event at a position that was there when this position was reached. Otherwise it was restored to an older state, or is another log.
    package func holds(_ id: UUID?, at position: Int64) async throws -> Bool {
        if position == 0 { return true }
        guard let event = try await event(at: position) else { return false }
        return event.position == position && event.id == id
    }

    private func readForAll(after position: Int64, _ id: UUID?) async throws -> [RecordedEvent] {
        // Also when it fails or is cancelled: one of those who wait then reads for the others.
        defer { state.withLock { $0.end(after: position) }?.finish() }
        do {
            let page = try await read(after: position, id)
            state.withLock { $0.add(page, after: id) }
            return page
        } catch let rewritten as LogRewritten {
            // The first page has no event before it to be known by: who begins anew would be given the old log's.
            state.withLock { $0.forget() }
            throw rewritten
        }
    }

    private func read(after position: Int64, _ id: UUID?) async throws -> [RecordedEvent] {
        while true {
            let page = try await page(after: position, id)
            var last = position
            // Positions are given out under the append lock, so a gap is never a slow writer: it is a broken log.
            for event in page {
                guard event.position == last + 1 else { throw EventStoreError.broken(reason: "position \(event.position) follows \(last)") }
                last = event.position
            }
            if !page.isEmpty { return page }
            try await store.waitForEvents(after: position)
            try Task.checkCancellation()
        }
    }

    /// With the event at the position in front, so that each look is one at the log it came from.
    private func page(after position: Int64, _ id: UUID?) async throws -> [RecordedEvent] {
        let limit = state.withLock { $0.readLimit }
        guard position > 0, let id else { return cut(try await store.read(after: position, limit: limit)) }
        let page = try await store.read(after: position - 1, limit: limit + 1)
        guard let last = page.first, last.position == position, last.id == id else { throw LogRewritten(position: position) }
        return cut(page.dropFirst())
    }

    /// As much of what was read as makes a page. The next read asks for about as much.
    private func cut(_ read: some Collection<RecordedEvent>) -> [RecordedEvent] {
        var page: [RecordedEvent] = []
        var size = 0
        for event in read {
            size += event.approximateSize
            if size > Self.pageBytes, !page.isEmpty { break }
            page.append(event)
        }
        state.withLock { $0.note(cut: page.count, of: read.count) }
        return page
    }
}

/// The log does not hold the event that was read from it before: it was restored to an older state, or is another log.
package struct LogRewritten: Error {
    package let position: Int64
}

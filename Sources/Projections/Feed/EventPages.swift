import EventSourcing

/// The pages of the log that were read last, so that read models at about the same place share them.
struct EventPages {
    private struct Page {
        var events: [RecordedEvent]
        var size: Int
        var lastUse: Int

        var first: Int64 { events.first?.position ?? 0 }
        var last: Int64 { events.last?.position ?? 0 }
    }

    private var pages: [Page] = []
    private var uses = 0
    private let capacity: Int
    private let pageSize: Int

    /// `capacity` in bytes, about.
    init(capacity: Int, pageSize: Int) {
        self.capacity = capacity
        self.pageSize = pageSize
    }

    /// What is kept of the events after a position, at most one page's worth; empty when the next event is not kept.
    mutating func events(after position: Int64) -> [RecordedEvent] {
        var found: [RecordedEvent] = []
        var position = position
        uses += 1
        while found.count < pageSize, let index = pages.firstIndex(where: { $0.first <= position + 1 && position < $0.last }) {
            pages[index].lastUse = uses
            let page = pages[index]
            found += page.events[Int(position + 1 - page.first)...].prefix(pageSize - found.count)
            position = page.last
        }
        return found
    }

    /// Keeps a page, and drops the ones not used for longest. The events follow each other without a gap.
    mutating func add(_ events: [RecordedEvent]) {
        guard let first = events.first else { return }
        let size = events.reduce(0) { $0 + $1.approximateSize }
        uses += 1
        // At the log's head pages are small; together they stay few.
        if let index = pages.firstIndex(where: { $0.last + 1 == first.position && $0.events.count + events.count <= pageSize }) {
            pages[index].events += events
            pages[index].size += size
            pages[index].lastUse = uses
        } else {
            pages.append(Page(events: events, size: size, lastUse: uses))
        }
        var total = pages.reduce(0) { $0 + $1.size }
        while total > capacity, pages.count > 1, let oldest = pages.indices.min(by: { pages[$0].lastUse < pages[$1].lastUse }) {
            total -= pages.remove(at: oldest).size
        }
    }
}

extension RecordedEvent {
    /// Bytes in memory, near enough to bound a cache.
    fileprivate var approximateSize: Int {
        data.list.reduce(320) { $0 + 96 + ($1.value.text?.utf8.count ?? 0) }
    }
}

import EventSourcing
import FoundationEssentials
import JSON

/// The pages of the log that were read last, so that read models at about the same place share them.
struct PageCache {
    private struct Page {
        /// Of the event before the first; nil before the log's first, or where it was not asked for.
        let previous: UUID?
        var events: [RecordedEvent]
        var size: Int
        var lastUse: Int
        /// The drop generation in which the page was created.
        let age: Int

        var first: Int64 { events.first?.position ?? 0 }
        var last: Int64 { events.last?.position ?? 0 }

        /// Whether the page holds the event after `position`, in a log whose event at `position` is `id`.
        func follows(_ position: Int64, _ id: UUID?) -> Bool {
            guard first <= position + 1, position < last else { return false }
            let before = position + 1 == first ? previous : events[Int(position - first)].id
            return id == nil || before == nil || before == id
        }
    }

    private var pages: [Page] = []
    private var uses = 0
    private var drops = 0
    private let capacity: Int
    private let pageSize: Int
    private let pageBytes: Int

    /// - Parameters:
    ///   - capacity: bytes of all pages, about.
    ///   - pageSize: events of one page.
    ///   - pageBytes: bytes of one page, about.
    init(capacity: Int, pageSize: Int, pageBytes: Int) {
        self.capacity = capacity
        self.pageSize = pageSize
        self.pageBytes = pageBytes
    }

    /// The kept events after a position, at most one page's worth; empty when the next event is not kept. Where the id of the event at the
    /// position is given, only events that follow that one: pages from before a restore of the log are not those of the log that is there now.
    mutating func events(after position: Int64, _ id: UUID?) -> [RecordedEvent] {
        var found: [RecordedEvent] = []
        var (position, id, size) = (position, id, 0)
        uses += 1
        while found.count < pageSize, let index = pages.firstIndex(where: { $0.follows(position, id) }) {
            let page = pages[index]
            size += page.size
            if size > pageBytes, !found.isEmpty { break }
            pages[index].lastUse = uses
            found += page.events[Int(position + 1 - page.first)...].prefix(pageSize - found.count)
            (position, id) = (page.last, page.events.last?.id)
        }
        return found
    }

    /// Drops pages created before the last call. They hold opened events, whose keys may be destroyed by now.
    mutating func dropOld() {
        pages.removeAll { $0.age < drops }
        drops += 1
    }

    /// Keeps a page that follows an event, and drops the ones not used for longest. The events follow each other without a gap.
    mutating func add(_ events: [RecordedEvent], after previous: UUID?) {
        guard let first = events.first else { return }
        let size = events.reduce(0) { $0 + $1.approximateSize }
        uses += 1
        // At the log's head pages are small; together they stay few.
        if let index = pages.firstIndex(where: {
            $0.last + 1 == first.position && (previous == nil || $0.events.last?.id == previous) && $0.events.count + events.count <= pageSize
                && $0.age == drops && $0.size + size <= pageBytes
        }) {
            pages[index].events += events
            pages[index].size += size
            pages[index].lastUse = uses
        } else {
            pages.append(Page(previous: previous, events: events, size: size, lastUse: uses, age: drops))
        }
        var total = pages.reduce(0) { $0 + $1.size }
        while total > capacity, pages.count > 1, let oldest = pages.indices.min(by: { pages[$0].lastUse < pages[$1].lastUse }) {
            total -= pages.remove(at: oldest).size
        }
    }
}

extension RecordedEvent {
    /// Bytes in memory, near enough to bound what is held at a time.
    var approximateSize: Int { data.list.reduce(320) { $0 + 96 + ($1.value.text?.utf8.count ?? 0) } }
}

/// The cached pages, and the signal of each read in flight.
struct SharedReads {
    /// A caller's next step.
    enum Turn {
        case found([RecordedEvent])
        /// No other reads there yet: read, `add`, and `end` in any case.
        case read
        /// Somebody does: this ends with that read.
        case wait(Signal)
    }

    private let pageSize: Int
    private let pageBytes: Int
    private var pages: PageCache
    /// By the position that each starts after.
    private var reads: [Int64: Signal] = [:]
    /// When the next page at the log's head is read.
    private var gathering = Gathering()
    /// The last position that anybody has read.
    private var furthest: Int64 = 0

    init(pageSize: Int, pageBytes: Int) {
        self.pageSize = pageSize
        self.pageBytes = pageBytes
        pages = PageCache(capacity: 2 * pageBytes, pageSize: pageSize, pageBytes: pageBytes)
    }

    mutating func turn(after position: Int64, _ id: UUID?) -> Turn {
        let kept = pages.events(after: position, id)
        if !kept.isEmpty { return .found(kept) }
        if let read = reads[position] { return .wait(read) }
        reads[position] = Signal()
        return .read
    }

    mutating func add(_ page: [RecordedEvent], after previous: UUID?, lookedAt start: ContinuousClock.Instant) {
        pages.add(page, after: previous)
        guard let last = page.last, last.position > furthest else { return }
        furthest = last.position
        // A full page has more behind it.
        gathering.found(page.count < pageSize ? page.count : 0, at: start)
    }

    /// The moment to read what follows a position; nil for at once. A model that is behind never waits.
    func nextLook(after position: Int64, at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        position < furthest ? nil : gathering.next(at: now)
    }

    mutating func dropOld() { pages.dropOld() }

    /// Drops all that is kept.
    mutating func forget() { pages = PageCache(capacity: 2 * pageBytes, pageSize: pageSize, pageBytes: pageBytes) }

    /// Ends a read, and hands out what the others wait for.
    mutating func end(after position: Int64) -> Signal? { reads.removeValue(forKey: position) }
}

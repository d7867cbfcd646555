import EventSourcing
import FoundationEssentials

/// The pages that are kept and the reads that are under way, with what ends when each does.
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
    /// How many events the next read asks for: as many as the last one had room for, so that large ones are not read again and again.
    private(set) var readLimit: Int
    /// By the position that each starts after.
    private var reads: [Int64: Signal] = [:]

    init(pageSize: Int, pageBytes: Int) {
        self.pageSize = pageSize
        self.pageBytes = pageBytes
        readLimit = pageSize
        pages = PageCache(capacity: 2 * pageBytes, pageSize: pageSize, pageBytes: pageBytes)
    }

    mutating func turn(after position: Int64, _ id: UUID?) -> Turn {
        let kept = pages.events(after: position, id)
        if !kept.isEmpty { return .found(kept) }
        if let read = reads[position] { return .wait(read) }
        reads[position] = Signal()
        return .read
    }

    mutating func add(_ page: [RecordedEvent], after previous: UUID?) { pages.add(page, after: previous) }

    mutating func dropOld() { pages.dropOld() }

    /// Drops all that is kept.
    mutating func forget() { pages = PageCache(capacity: 2 * pageBytes, pageSize: pageSize, pageBytes: pageBytes) }

    /// A read was cut to a page, or had room in it. One that was not full tells nothing of how large events are.
    mutating func note(cut count: Int, of read: Int) {
        if count < read {
            readLimit = count
        } else if read >= readLimit {
            readLimit = min(pageSize, readLimit * 2)
        }
    }

    /// Ends a read, and hands out what the others wait for.
    mutating func end(after position: Int64) -> Signal? { reads.removeValue(forKey: position) }
}

import EventSourcing
import FoundationEssentials

/// The pages that are kept and the reads that are under way, with those who wait for each. Pure bookkeeping: the caller resumes whom it is handed.
struct SharedReads {
    /// What a caller does next.
    enum Turn {
        case found([RecordedEvent])
        /// Nobody reads there yet: read, `add`, and `end` in any case.
        case read
        case wait
    }

    private let pageSize: Int
    private var pages: EventPages
    /// By the position that the read starts after.
    private var waiters: [Int64: [UInt64: CheckedContinuation<Void, Never>]] = [:]
    private var lastID: UInt64 = 0

    init(pageSize: Int) {
        self.pageSize = pageSize
        pages = Self.none(pageSize)
    }

    private static func none(_ pageSize: Int) -> EventPages { EventPages(capacity: 32 << 20, pageSize: pageSize) }

    mutating func turn(after position: Int64, _ id: UUID?) -> Turn {
        let kept = pages.events(after: position, id)
        if !kept.isEmpty { return .found(kept) }
        if waiters[position] != nil { return .wait }
        waiters[position] = [:]
        return .read
    }

    mutating func add(_ page: [RecordedEvent], after previous: UUID?) { pages.add(page, after: previous) }

    mutating func dropOld() { pages.dropOld() }

    /// Drops all that is kept.
    mutating func forget() { pages = Self.none(pageSize) }

    /// Ends a read, and hands out who waited for it.
    mutating func end(after position: Int64) -> [CheckedContinuation<Void, Never>] {
        waiters.removeValue(forKey: position).map { Array($0.values) } ?? []
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// False when no such read is under way.
    mutating func wait(_ continuation: CheckedContinuation<Void, Never>, id: UInt64, after position: Int64) -> Bool {
        guard waiters[position] != nil else { return false }
        waiters[position]?[id] = continuation
        return true
    }

    mutating func stopWaiting(_ id: UInt64, after position: Int64) -> CheckedContinuation<Void, Never>? {
        waiters[position]?.removeValue(forKey: id)
    }
}

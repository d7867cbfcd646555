/// Pages that are kept for a moment.
struct FeedPages {
    private struct Kept {
        let page: FeedPage
        /// The heartbeat after which it was rendered.
        let age: Int
    }

    private var kept: [Kept] = []
    private var bytes = 0
    private var age = 0
    /// Changes each time that something is taken back.
    private(set) var generation = 0

    /// The newest page that has the event after a position.
    func page(after position: Int64) -> FeedPage? { kept.last { $0.page.after <= position && position < $0.page.through }?.page }

    /// Keeps a page, and drops the oldest beyond so many bytes.
    mutating func add(_ page: FeedPage, upTo limit: Int) {
        kept.append(Kept(page: page, age: age))
        bytes += page.size
        var count = 0
        while bytes > limit, count < kept.count - 1 {
            bytes -= kept[count].page.size
            count += 1
        }
        kept.removeFirst(count)
    }

    /// Drops the pages from before the last heartbeat: they hold opened events, whose keys may be destroyed by now.
    mutating func dropOld() {
        kept.removeAll { $0.age < age }
        bytes = kept.reduce(0) { $0 + $1.page.size }
        age += 1
    }

    mutating func removeAll() {
        kept = []
        bytes = 0
        generation += 1
    }
}

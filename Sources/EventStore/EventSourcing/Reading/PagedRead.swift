/// A read that may be longer than a reader wants to hold in memory, and so is done page by page. Each page is a look of its own, with a snapshot of its own.
package protocol PagedRead: Sendable {
    /// Its first page, of `limit` events at most; `limit` is 1 or more.
    func page(of store: any EventStore, limit: Int) async throws -> ReadPage<Self>
}

/// One page, and how it goes on.
package struct ReadPage<Read: PagedRead>: Sendable {
    package enum Next: Sendable {
        /// There may be more: this read gives the next page.
        case more(Read)
        /// No more is there now. This read gives what comes later.
        case later(Read)
        /// Nothing can come any more: the read has a bound, and it is reached.
        case end
    }

    package let events: [RecordedEvent]
    package let next: Next

    package init(events: [RecordedEvent], next: Next) {
        self.events = events
        self.next = next
    }
}

extension EventStore {
    /// What is there now, page by page, `limit` events at most. Holds one page in memory, and no snapshot between two.
    package func pages<Read: PagedRead>(of read: Read, limit: Int = .max, pageSize: Int = 500) -> EventPages<Read> {
        EventPages(store: self, read: read, limit: limit, pageSize: pageSize)
    }

    /// What is there now and whatever comes later, page by page, until the read's bound is reached: for reads forwards. Every wanted event comes once, in order.
    ///
    /// Each append wakes it, wanted or not. `pause` is waited before it looks again, so that a busy log does not make it ask all the time for what is rare.
    package func follow<Read: PagedRead>(_ read: Read, pageSize: Int = 500, pause: Duration = .zero) -> FollowedPages<Read> {
        FollowedPages(store: self, read: read, pageSize: pageSize, pause: pause)
    }
}

/// Which way a reader goes through events.
package enum ReadDirection: Sendable, Hashable {
    /// Oldest first.
    case forwards
    /// Newest first.
    case backwards
}

/// A read that may be longer than a reader wants to hold in memory, and so is done page by page. Each page is a look of its own, with a snapshot of
/// its own.
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
    /// The events that are there now, page by page, `limit` at most. Holds one page in memory, and no snapshot between two.
    package func pages<Read: PagedRead>(of read: Read, limit: Int = .max, pageSize: Int = 500) -> EventPages<Read> {
        EventPages(store: self, read: read, limit: limit, pageSize: pageSize)
    }

    /// The events that are there now and those that come later, page by page, until the read's bound is reached: for reads forwards. Every wanted
    /// event comes once, in order.
    ///
    /// Each append wakes it, wanted or not. `pause` is waited before it looks again, so that a busy log does not make it ask all the time for what is
    /// rare.
    package func follow<Read: PagedRead>(_ read: Read, pageSize: Int = 500, pause: Duration = .zero) -> FollowedPages<Read> {
        FollowedPages(store: self, read: read, pageSize: pageSize, pause: pause)
    }
}

/// The events that are there of a read, as pages that are never empty.
package struct EventPages<Read: PagedRead>: AsyncSequence, Sendable {
    package typealias Element = [RecordedEvent]

    let store: any EventStore
    let read: Read
    let limit: Int
    let pageSize: Int

    package func makeAsyncIterator() -> Iterator {
        Iterator(store: store, read: read, missing: limit, pageSize: pageSize)
    }

    package struct Iterator: AsyncIteratorProtocol {
        let store: any EventStore
        var read: Read?
        var missing: Int
        let pageSize: Int

        /// The next page; nil at the end.
        package mutating func next() async throws -> [RecordedEvent]? {
            while let read, missing > 0 {
                let page = try await read.page(of: store, limit: Swift.min(pageSize, missing))
                missing -= page.events.count
                switch page.next {
                case .more(let rest): self.read = rest
                case .later, .end: self.read = nil
                }
                if !page.events.isEmpty { return page.events }
            }
            return nil
        }
    }
}

/// The events that are there of a read and those that come later, as pages that are never empty.
///
/// Unlike a `Subscription` it can't check that no position is missing, because a filter leaves some out. It relies on the snapshot instead: see
/// `LogPage`.
package struct FollowedPages<Read: PagedRead>: AsyncSequence, Sendable {
    package typealias Element = [RecordedEvent]

    let store: any EventStore
    let read: Read
    let pageSize: Int
    let pause: Duration

    package func makeAsyncIterator() -> Iterator {
        Iterator(store: store, read: read, pageSize: pageSize, pause: pause)
    }

    package struct Iterator: AsyncIteratorProtocol {
        let store: any EventStore
        var read: Read?
        let pageSize: Int
        let pause: Duration

        /// The next page; nil when the read's bound is reached or the task was cancelled.
        package mutating func next() async throws -> [RecordedEvent]? {
            while let read, !Task.isCancelled {
                // Asked before the look, so that an event which just misses the look ends the wait.
                let head = try await store.head()
                let page = try await read.page(of: store, limit: pageSize)
                switch page.next {
                case .more(let rest): self.read = rest
                case .later(let rest):
                    self.read = rest
                    if page.events.isEmpty {
                        try await store.waitForEvents(after: head)
                        try await Task.sleep(for: pause)
                    }
                case .end: self.read = nil
                }
                if !page.events.isEmpty { return page.events }
            }
            return nil
        }
    }
}

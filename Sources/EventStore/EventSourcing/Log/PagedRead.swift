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
    /// Its first page, of `limit` events at most, and what is left to read then; nil at the end of what is there. `limit` is 1 or more.
    func page(of store: any EventStore, limit: Int) async throws -> (events: [RecordedEvent], rest: Self?)
}

extension EventStore {
    /// The events that are there now, page by page, `limit` at most. Holds one page in memory, and no snapshot between two.
    package func pages<Read: PagedRead>(of read: Read, limit: Int = .max, pageSize: Int = 500) -> EventPages<Read> {
        EventPages(store: self, read: read, limit: limit, pageSize: pageSize)
    }
}

/// The events that are there of a read, as pages that are never empty.
package struct EventPages<Read: PagedRead>: AsyncSequence, Sendable {
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
                self.read = page.rest
                if !page.events.isEmpty { return page.events }
            }
            return nil
        }
    }
}

/// What is there of a read, as pages that are never empty.
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

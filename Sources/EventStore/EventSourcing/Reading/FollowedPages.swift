/// What is there of a read and what comes later, as pages that are never empty.
///
/// Unlike a `Subscription` it can't check that no position is missing, because a filter leaves some out. It relies on the snapshot instead: see `LogPage`.
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

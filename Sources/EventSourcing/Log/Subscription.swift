/// The log from a position on, in order, as pages that never end.
///
/// This is the one place where readers rely on order. It is safe because positions are given out under the append lock and become visible with the commit that
/// holds it: whoever sees n sees everything up to n. So the next event must be exactly last + 1, and anything else stops the reader.
package struct Subscription: AsyncSequence, Sendable {
    package typealias Element = [RecordedEvent]

    let store: any EventStore
    let position: Int64
    let pageSize: Int

    package func makeAsyncIterator() -> Iterator {
        Iterator(store: store, position: position, pageSize: pageSize)
    }

    package struct Iterator: AsyncIteratorProtocol {
        let store: any EventStore
        var position: Int64
        let pageSize: Int

        /// The next page, never empty; nil when the task was cancelled.
        package mutating func next() async throws -> [RecordedEvent]? {
            while !Task.isCancelled {
                let page = try await store.read(after: position, limit: pageSize)
                for event in page {
                    guard event.position == position + 1 else {
                        throw EventStoreError.broken(reason: "position \(event.position) follows \(position)")
                    }
                    position = event.position
                }
                if !page.isEmpty { return page }
                try await store.waitForEvents(after: position)
            }
            return nil
        }
    }
}

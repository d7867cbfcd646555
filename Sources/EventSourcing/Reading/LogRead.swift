/// A part of the whole log, and the direction in which it is read.
package struct LogRead: PagedRead, Hashable {
    package let filter: EventFilter
    /// The first and the last position wanted, both included. Positions that the log does not have yet are no error.
    package let positions: ClosedRange<Int64>
    package let direction: ReadDirection

    package init(_ filter: EventFilter = .everything, positions: ClosedRange<Int64> = 1...Int64.max, _ direction: ReadDirection = .forwards) {
        self.filter = filter
        self.positions = positions
        self.direction = direction
    }

    package func page(of store: any EventStore, limit: Int) async throws -> ReadPage<LogRead> {
        let page = try await store.read(self, limit: limit)
        guard let rest = rest(through: page.through) else { return ReadPage(events: page.events, next: .end) }
        return ReadPage(events: page.events, next: page.events.count < limit ? .later(rest) : .more(rest))
    }

    /// What a page that has looked through this position leaves to read; nil when it has looked through all.
    package func rest(through position: Int64) -> LogRead? {
        switch direction {
        case .forwards: position < positions.upperBound ? LogRead(filter, positions: position + 1...positions.upperBound, .forwards) : nil
        case .backwards: position > positions.lowerBound ? LogRead(filter, positions: positions.lowerBound...position - 1, .backwards) : nil
        }
    }
}

/// What one look at a part of the log has found.
package struct LogPage: Sendable, Hashable {
    /// In the read's direction.
    package let events: [RecordedEvent]
    /// How far the look has gone: every wanted event from the read's begin through this position is in the page. That is its last event when the page is full,
    /// else the end of what is there, however long ago the filter last let an event through: whoever goes on from here looks at nothing twice.
    package let through: Int64

    /// The page that `read` has found with this limit, when the log's last position in the same snapshot was `head`.
    ///
    /// No event can turn up behind `through` later. Positions become visible in their order, so what one snapshot sees of the log is the whole log up to its head.
    package init(_ events: [RecordedEvent], of read: LogRead, limit: Int, head: Int64) {
        self.events = events
        let (first, last) = (read.positions.lowerBound, read.positions.upperBound)
        let isFull = events.count >= limit
        through =
            switch read.direction {
            case .forwards: isFull ? events.last?.position ?? first - 1 : max(first - 1, min(last, head))
            case .backwards: isFull ? events.last?.position ?? (last == .max ? last : last + 1) : first
            }
    }
}

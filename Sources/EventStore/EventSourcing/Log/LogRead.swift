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

    package func page(of store: any EventStore, limit: Int) async throws -> (events: [RecordedEvent], rest: LogRead?) {
        let page = try await store.read(self, limit: limit)
        return (page.events, page.isLast ? nil : rest(through: page.through))
    }

    private func rest(through position: Int64) -> LogRead? {
        switch direction {
        case .forwards: position < positions.upperBound ? LogRead(filter, positions: position + 1...positions.upperBound, .forwards) : nil
        case .backwards: position > positions.lowerBound ? LogRead(filter, positions: positions.lowerBound...position - 1, .backwards) : nil
        }
    }
}

/// The result of one look at a part of the log.
package struct LogPage: Sendable, Hashable {
    /// In the read's direction.
    package let events: [RecordedEvent]
    /// How far the look has gone: every wanted event from the read's begin through this position is in the page. That is its last event when the page
    /// is full, else the end of what is there, however long ago the filter last let an event through: a reader that goes on from here looks at
    /// nothing twice.
    package let through: Int64
    /// Whether the look has come to the end of what is there now.
    package let isLast: Bool

    /// The page of `read` out of what a store has found for it with this limit: all that is wanted, and perhaps more of the wanted types. `head` is
    /// the log's last position in the same snapshot.
    ///
    /// No event can turn up behind `through` later. Positions become visible in their order, so what one snapshot sees of the log is the whole log up
    /// to its head.
    package init(_ found: [RecordedEvent], of read: LogRead, limit: Int, head: Int64) {
        events = found.filter(read.filter.matches)
        isLast = found.count < limit
        let (first, last) = (read.positions.lowerBound, read.positions.upperBound)
        through =
            switch read.direction {
            case .forwards: isLast ? max(first - 1, min(last, head)) : found.last?.position ?? first - 1
            case .backwards: isLast ? first : found.last?.position ?? (last == .max ? last : last + 1)
            }
    }
}

/// Which events of the log a reader wants.
///
/// Filtered reads are for tools, caches and process managers. Projectors read the log unfiltered: only then can they check that no position is
/// missing.
package struct EventFilter: Sendable, Hashable {
    /// Only events in streams of this category; nil for any.
    package let category: String?
    /// Only events of these types; nil for any. An unknown type lets nothing through.
    package let types: Set<String>?

    package init(category: String? = nil, types: Set<String>? = nil) {
        self.category = category
        self.types = types
    }

    /// Lets all events through.
    package static let everything = EventFilter()

    /// Whether this event is wanted.
    package func matches(_ event: RecordedEvent) -> Bool {
        (category.map { $0 == event.stream.category } ?? true) && (types?.contains(event.type) ?? true)
    }
}

extension EventCatalog {
    /// The types that this filter lets through, in alphabetical order; nil when it lets all through. A category's types are those whose schema names
    /// it, so a log that keeps events by type can find those of a category, too.
    package func types(of filter: EventFilter) -> [String]? {
        guard let category = filter.category else { return filter.types?.sorted() }
        let members = schemas.values.filter { $0.category == category }.map(\.type)
        return (filter.types.map { types in members.filter(types.contains) } ?? members).sorted()
    }
}

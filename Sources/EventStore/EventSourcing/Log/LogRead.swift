import JSON

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
    /// The position up to which the read is complete: the last event if the page is full, else the end of what is there. The next page starts after
    /// it.
    package let through: Int64
    /// Whether the look has come to the end of what is there now.
    package let isLast: Bool

    /// Makes a page from the rows that a store found. They include every wanted event, and may include others of the same types. `head` is the log's
    /// last position in the same snapshot.
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

/// A part of one stream, and the direction in which it is read.
package struct StreamRead: PagedRead, Hashable {
    package let stream: StreamName
    /// The first and the last version wanted, both included. Versions that the stream does not have yet are no error.
    package let versions: ClosedRange<Int>
    /// Leaves out what the log took after this moment; an event of this very millisecond is in.
    package let until: Timestamp?
    /// Only events of these types; nil for any.
    package let types: Set<String>?
    /// Only events whose data have this field, sealed or not; nil for any.
    package let field: String?
    package let direction: ReadDirection
    /// Bytes of a page, as they are stored: it ends with the event that brings it there.
    package let bytes: Int

    package init(
        _ stream: StreamName, versions: ClosedRange<Int> = 1...Int.max, until: Timestamp? = nil, types: Set<String>? = nil, field: String? = nil,
        _ direction: ReadDirection = .forwards, bytes: Int = PageBytes.usual
    ) {
        self.stream = stream
        self.versions = versions
        self.until = until
        self.types = types
        self.field = field
        self.direction = direction
        self.bytes = bytes
    }

    /// Whether an event of the stream is wanted for what it is.
    package func matches(_ event: RecordedEvent) -> Bool {
        versions.contains(event.version) && types?.contains(event.type) ?? true && field.map { event.data[$0] != nil } ?? true
    }

    package func page(of store: any EventStore, limit: Int) async throws -> (events: [RecordedEvent], rest: StreamRead?) {
        let events = try await store.read(self, limit: limit)
        return (events, events.last.flatMap { rest(after: $0.version) })
    }

    private func rest(after version: Int) -> StreamRead? {
        switch direction {
        case .forwards:
            version < versions.upperBound ? of(version + 1...versions.upperBound) : nil
        case .backwards:
            version > versions.lowerBound ? of(versions.lowerBound...version - 1) : nil
        }
    }

    private func of(_ versions: ClosedRange<Int>) -> StreamRead {
        StreamRead(stream, versions: versions, until: until, types: types, field: field, direction, bytes: bytes)
    }
}

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

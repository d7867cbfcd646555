import JSON

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

    package init(
        _ stream: StreamName, versions: ClosedRange<Int> = 1...Int.max, until: Timestamp? = nil, types: Set<String>? = nil, field: String? = nil,
        _ direction: ReadDirection = .forwards
    ) {
        self.stream = stream
        self.versions = versions
        self.until = until
        self.types = types
        self.field = field
        self.direction = direction
    }

    /// Whether an event of the stream is wanted for what it is.
    package func matches(_ event: RecordedEvent) -> Bool {
        versions.contains(event.version) && types?.contains(event.type) ?? true && field.map { event.data[$0] != nil } ?? true
    }

    package func page(of store: any EventStore, limit: Int) async throws -> (events: [RecordedEvent], rest: StreamRead?) {
        let events = try await store.read(self, limit: limit)
        guard let last = events.last, events.count >= limit else { return (events, nil) }
        return (events, rest(after: last.version))
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
        StreamRead(stream, versions: versions, until: until, types: types, field: field, direction)
    }
}

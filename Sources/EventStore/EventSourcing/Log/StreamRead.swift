/// A part of one stream, and the direction in which it is read.
package struct StreamRead: PagedRead, Hashable {
    package let stream: StreamName
    /// The first and the last version wanted, both included. Versions that the stream does not have yet are no error.
    package let versions: ClosedRange<Int>
    /// Leaves out what the log took after this moment; an event of this very millisecond is in.
    package let until: Timestamp?
    package let direction: ReadDirection

    package init(
        _ stream: StreamName, versions: ClosedRange<Int> = 1...Int.max, until: Timestamp? = nil, _ direction: ReadDirection = .forwards
    ) {
        self.stream = stream
        self.versions = versions
        self.until = until
        self.direction = direction
    }

    package func page(of store: any EventStore, limit: Int) async throws -> ReadPage<StreamRead> {
        let events = try await store.read(self, limit: limit)
        guard let last = events.last else { return ReadPage(events: [], next: .later(self)) }
        guard let rest = rest(after: last.version) else { return ReadPage(events: events, next: .end) }
        return ReadPage(events: events, next: events.count < limit ? .later(rest) : .more(rest))
    }

    private func rest(after version: Int) -> StreamRead? {
        switch direction {
        case .forwards:
            version < versions.upperBound ? StreamRead(stream, versions: version + 1...versions.upperBound, until: until, .forwards) : nil
        case .backwards:
            version > versions.lowerBound ? StreamRead(stream, versions: versions.lowerBound...version - 1, until: until, .backwards) : nil
        }
    }
}

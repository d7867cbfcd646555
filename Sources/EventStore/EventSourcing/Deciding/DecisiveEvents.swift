import JSON

/// Which events of a stream decide its state, for rules whose events only replace what earlier ones have said.
package struct DecisiveEvents: Sendable, Hashable {
    /// Of each group of types the last event counts.
    package let types: [Set<String>]
    /// Of the events with such a field the last counts.
    package let fields: [String]

    package init(types: [Set<String>], fields: [String] = []) {
        self.types = types
        self.fields = fields
    }
}

extension EventStore {
    /// The events whose fold equals the fold of the whole stream up to a version, oldest first. Includes the first and the last event. Looks for each
    /// from the end, so the cost follows what decides, not how long the stream is or what it holds. Empty where there is no stream.
    /// - Parameter version: the last one to look at.
    package func events(deciding decisive: DecisiveEvents, of stream: StreamName, through version: Int = .max) async throws -> [RecordedEvent] {
        // Most streams are short: one look has all of them.
        let newest = try await read(StreamRead(stream, versions: 1...version, .backwards, bytes: PageBytes.small), limit: 8)
        guard let last = newest.first, let oldest = newest.last, oldest.version > 1 else { return newest.reversed() }
        var found: [Int: RecordedEvent] = [last.version: last]
        // The first event is taken in any case, and so need not be found again.
        if let first = try await read(StreamRead(stream, versions: 1...1), limit: 1).first { found[first.version] = first }
        let between = oldest.version > 2 ? 2...oldest.version - 1 : nil
        func take(_ recent: RecordedEvent?, orFirstOf earlier: (ClosedRange<Int>) -> StreamRead) async throws {
            var event = recent
            if event == nil, let between { event = try await read(earlier(between), limit: 1).first }
            if let event { found[event.version] = event }
        }
        for group in decisive.types {
            try await take(newest.first { group.contains($0.type) }) { StreamRead(stream, versions: $0, types: group, .backwards) }
        }
        for field in decisive.fields {
            try await take(newest.first { $0.data[field] != nil }) { StreamRead(stream, versions: $0, field: field, .backwards) }
        }
        return found.values.sorted { $0.version < $1.version }
    }
}

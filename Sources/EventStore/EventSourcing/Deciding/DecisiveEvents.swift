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
    /// from the end, so the cost follows what decides, not how long the stream is. Empty where there is no stream.
    /// - Parameter version: the last one to look at.
    package func events(deciding decisive: DecisiveEvents, of stream: StreamName, through version: Int = .max) async throws -> [RecordedEvent] {
        // Most streams are short: one read has all of them.
        let shortest = 8
        let newest = try await read(StreamRead(stream, versions: 1...version, .backwards), limit: shortest)
        guard newest.count == shortest, let last = newest.first, let oldest = newest.last else { return newest.reversed() }
        var found: [Int: RecordedEvent] = [last.version: last]
        func take(_ event: RecordedEvent?) { if let event { found[event.version] = event } }
        take(try await read(StreamRead(stream, versions: 1...1), limit: 1).first)
        guard oldest.version > 1 else { return newest.reversed() }
        let earlier = 1...oldest.version - 1
        for group in decisive.types {
            let event = newest.first { group.contains($0.type) }
            take(event != nil ? event : try await read(StreamRead(stream, versions: earlier, types: group, .backwards), limit: 1).first)
        }
        for field in decisive.fields {
            let event = newest.first { $0.data[field] != nil }
            take(event != nil ? event : try await read(StreamRead(stream, versions: earlier, field: field, .backwards), limit: 1).first)
        }
        return found.values.sorted { $0.version < $1.version }
    }
}

import EventSourcing
package import JSON

extension CanonicalJSON {
    /// Writes the event's canonical JSON: one object with the members `data`, `id`, `metadata`, `position`, `recordedAt`, `schemaVersion`, `stream`,
    /// `type` and `version`. Each column of the log is in it, so nothing of an event can change without changing this text, except how a number in
    /// `data` or `metadata` is written: `1` and `1.0` are one number, and have one text.
    ///
    /// Throws `malformedEvent` and `inexactNumber`; the part of the event that was written by then stays.
    package mutating func append(_ event: StoredEventRow) throws(CanonicalFormError) {
        writer.literal("{\"data\":")
        try append(event.data, of: event, column: "data")
        writer.literal(",\"id\":")
        writer.string(event.id.lowercased)
        writer.literal(",\"metadata\":")
        try append(event.metadata, of: event, column: "metadata")
        writer.literal(",\"position\":")
        writer.integer(event.position)
        writer.literal(",\"recordedAt\":")
        writer.string(event.recordedAtText)
        writer.literal(",\"schemaVersion\":")
        writer.integer(event.schemaVersion)
        writer.literal(",\"stream\":")
        writer.string(utf8: event.stream.bindMemory(to: UInt8.self))
        writer.literal(",\"type\":")
        writer.string(utf8: event.type.bindMemory(to: UInt8.self))
        writer.literal(",\"version\":")
        writer.integer(event.version)
        writer.literal("}")
    }

    private mutating func append(_ json: UnsafeRawBufferPointer, of event: StoredEventRow, column: String) throws(CanonicalFormError) {
        let isExact: Bool
        do throws(JSONSyntaxError) {
            isExact = try append(json: json)
        } catch {
            throw .malformedEvent(position: event.position, column: column)
        }
        guard isExact else { throw .inexactNumber(position: event.position) }
    }
}

/// Why a stored event has no canonical form.
package enum CanonicalFormError: Error, Equatable, CustomStringConvertible {
    /// The event has a number that no IEEE double holds: its canonical form would be that of another event, too.
    case inexactNumber(position: Int64)
    /// A column of the event is NULL or has another form than the log's.
    case malformedEvent(position: Int64, column: String)

    /// The reason alone.
    var reason: String {
        switch self {
        case .inexactNumber: "it has a number that no double holds"
        case .malformedEvent(_, let column): "its column \(column) has another form"
        }
    }

    package var description: String {
        switch self {
        case .inexactNumber(let position), .malformedEvent(let position, _): "the event at position \(position) has no canonical form: \(reason)"
        }
    }
}

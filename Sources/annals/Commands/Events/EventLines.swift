import EventSourcing
import FoundationEssentials

/// One event, one line. Nothing in it can steer the terminal, whatever people have written into their posts.
struct EventLines: Sendable {
    let isJSON: Bool
    /// Says which fields are personal, and so forgotten when they are null.
    let catalog: EventCatalog

    func line(_ event: RecordedEvent) -> String {
        (isJSON ? json(event) : columns(event)).escapingControls
    }

    private func columns(_ event: RecordedEvent) -> String {
        let forgotten = forgotten(event)
        return "\(event.position)".padded(8, .leading) + "  \(event.recordedAt)  " + "\(event.stream)".padded(42)
            + "\(event.version)".padded(5, .leading)
            + "  " + event.type.padded(18) + " " + JSON.object(event.data).serialized
            + (forgotten.isEmpty ? "" : "  forgotten: " + forgotten.joined(separator: ", "))
    }

    private func json(_ event: RecordedEvent) -> String {
        var object: JSONObject = [
            "position": .integer(event.position), "stream": .string(event.stream.description), "version": .integer(Int64(event.version)),
            "id": .string(event.id.lowercased), "type": .string(event.type), "schemaVersion": .integer(Int64(event.schemaVersion)),
            "recordedAt": .string(event.recordedAt.description), "data": .object(event.data), "metadata": .object(event.metadata.json),
        ]
        let forgotten = forgotten(event)
        if !forgotten.isEmpty { object["forgotten"] = .array(forgotten.map(JSON.string)) }
        return JSON.object(object).serialized
    }

    private func forgotten(_ event: RecordedEvent) -> [String] {
        catalog[event.type]?.personalFields.filter { event.data[$0] == .null } ?? []
    }
}

private enum Side {
    case leading
    case trailing
}

extension String {
    /// At least so many characters, with blanks on one side.
    fileprivate func padded(_ width: Int, _ side: Side = .trailing) -> String {
        let blanks = String(repeating: " ", count: max(0, width - utf8.count))
        return switch side {
        case .leading: blanks + self
        case .trailing: self + blanks
        }
    }
}

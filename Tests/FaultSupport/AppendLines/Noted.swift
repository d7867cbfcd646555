package import EventSourcing
import JSON

/// The one event type that lines carry: a note, nothing personal.
package enum Noted {
    package static let catalog = EventCatalog([EventSchema("Noted", in: "note", [.open("note", .text)])])

    package static func events(_ notes: [String]) -> [NewEvent] {
        notes.map { NewEvent(type: "Noted", schemaVersion: 1, data: ["note": .string($0)]) }
    }

    /// A request that appends notes to streams.
    package static func request(
        _ appends: [(stream: StreamName, expected: ExpectedVersion, notes: [String])], claims: [ClaimChange], command: CommandReceipt.Key
    ) -> AppendRequest {
        AppendRequest(
            appends.map { StreamAppend(events($0.notes), to: $0.stream, expecting: $0.expected, sealedFor: nil) }, claims: claims, command: command,
            metadata: EventMetadata(command: command.id))
    }
}

extension JSONObject {
    /// The text of a note.
    package var note: String? { self["note"]?.text }
}

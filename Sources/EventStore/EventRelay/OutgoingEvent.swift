import Audit
import EventSourcing
import JSON

/// An event as it leaves the system.
package struct OutgoingEvent: Sendable {
    /// Where an event stands: its position, and the category that it is sent under.
    package struct Place: Sendable, Equatable {
        package let position: Int64
        package let category: String
    }

    package let place: Place
    /// The id of the event.
    package let id: String
    /// Its name in the log.
    package let type: String
    /// The CloudEvent in JSON.
    package let json: String

    init(_ event: RecordedEvent, catalog: EventCatalog) {
        var writer = JSONWriter(capacity: 1024)
        writer.cloudEvent(event, catalog: catalog)
        (place, id, type, json) = (Place(of: event), event.id.lowercased, event.type, writer.text)
    }
}

extension OutgoingEvent.Place {
    init(of event: RecordedEvent) { self.init(position: event.position, category: event.stream.category) }
}

extension [OutgoingEvent] {
    /// Removes those that have more bytes as JSON, and returns them.
    mutating func removeLarger(than bytes: Int) -> [OutgoingEvent] {
        let larger = filter { $0.json.utf8.count > bytes }
        if !larger.isEmpty { removeAll { $0.json.utf8.count > bytes } }
        return larger
    }
}

package import EventSourcing
import JSON

extension JSONWriter {
    /// An event with all that is known of it; `forgotten` names the personal fields whose key is destroyed, when there are any, and `unopened` says
    /// why others could not be opened.
    package mutating func recordedEvent(_ event: RecordedEvent, catalog: EventCatalog) {
        object {
            $0.name("position")
            $0.integer(event.position)
            $0.member("stream", event.stream.description)
            $0.name("version")
            $0.integer(event.version)
            $0.member("id", event.id.lowercased)
            $0.member("type", event.type)
            $0.name("schemaVersion")
            $0.integer(event.schemaVersion)
            $0.member("recordedAt", event.recordedAt.description)
            $0.name("data")
            $0.value(.object(event.data))
            $0.name("metadata")
            $0.value(.object(event.metadata.json))
            let forgotten = catalog.forgottenFields(of: event)
            if !forgotten.isEmpty {
                $0.name("forgotten")
                $0.array { names in for name in forgotten { names.string(name) } }
            }
            if let unopened = event.unopened { $0.member("unopened", unopened.reason.rawValue) }
        }
    }

    /// An event as a CloudEvent 1.0 in JSON (the specification's JSON format, §2 and §3).
    ///
    /// `sequence`, `correlationid`, `causationid` and `traceparent` are the documented extensions of these names. An extension's value is a text, a
    /// Boolean or a number of 32 bits, so the position is a text; with its leading zeros it sorts as the specification of `sequence` asks for.
    package mutating func cloudEvent(_ event: RecordedEvent, catalog: EventCatalog) {
        object {
            $0.member("specversion", "1.0")
            $0.member("id", event.id.lowercased)
            $0.member("source", "urn:annals:log")
            $0.member("type", "annals." + event.type)
            $0.member("subject", event.stream.description)
            $0.member("time", event.recordedAt.description)
            $0.member("datacontenttype", "application/json")
            $0.member("sequence", event.position.withNineteenDigits)
            $0.name("streamversion")
            $0.integer(event.version)
            $0.name("schemaversion")
            $0.integer(event.schemaVersion)
            let metadata = event.metadata
            $0.member("commandid", metadata.command.lowercased)
            if let actor = metadata.actor { $0.member("actor", actor.lowercased) }
            if let correlation = metadata.correlation { $0.member("correlationid", correlation) }
            if let causation = metadata.causation { $0.member("causationid", causation.lowercased) }
            if let traceparent = metadata.traceparent { $0.member("traceparent", traceparent) }
            if let origin = metadata.origin { $0.member("importorigin", origin.description) }
            let forgotten = catalog.forgottenFields(of: event)
            if !forgotten.isEmpty { $0.member("forgotten", forgotten.joined(separator: ",")) }
            if let unopened = event.unopened { $0.member("unopened", unopened.reason.rawValue) }
            $0.name("data")
            $0.value(.object(event.data))
        }
    }

    private mutating func member(_ name: String, _ value: String) {
        self.name(name)
        string(value)
    }
}

extension EventCatalog {
    /// The personal fields of an opened event that nobody can read any more.
    package func forgottenFields(of event: RecordedEvent) -> [String] {
        self[event.type]?.personalFields.filter { event.data[$0] == .null && event.unopened?.fields.contains($0) != true } ?? []
    }
}

extension Int64 {
    /// As many digits as the largest number has. Positions are not negative.
    fileprivate var withNineteenDigits: String {
        let digits = String(self)
        return String(repeating: "0", count: 19 - digits.utf8.count) + digits
    }
}

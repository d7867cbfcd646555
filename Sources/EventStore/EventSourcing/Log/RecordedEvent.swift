package import FoundationEssentials
package import JSON

/// One event of the log, as a reader gets it: sealed parts opened, or null where they are forgotten; a store may be made to give them as they are
/// stored instead.
package struct RecordedEvent: Sendable, Hashable {
    /// The place in the whole log: 1, 2, 3, … in commit order, without a gap.
    package let position: Int64
    package let stream: StreamName
    /// The place in the stream: 1, 2, 3, …
    package let version: Int
    package let id: UUID
    /// The stored name of its type, such as `PostPublished`.
    package let type: String
    /// The version of its type's JSON, from 1.
    package let schemaVersion: Int
    package let data: JSONObject
    package let metadata: EventMetadata
    /// When the log took it; never before the previous event's.
    package let recordedAt: Timestamp
    /// The reason why the store could not open some of it; nil when all is open or forgotten.
    package let unopened: Unopened?

    package init(
        position: Int64, stream: StreamName, version: Int, id: UUID, type: String, schemaVersion: Int, data: JSONObject, metadata: EventMetadata,
        recordedAt: Timestamp, unopened: Unopened? = nil
    ) {
        self.position = position
        self.stream = stream
        self.version = version
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.data = data
        self.metadata = metadata
        self.recordedAt = recordedAt
        self.unopened = unopened
    }

    /// The same event with its data in another form.
    package func with(schemaVersion: Int, data: JSONObject, unopened: Unopened? = nil) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data, metadata: metadata,
            recordedAt: recordedAt, unopened: unopened)
    }
}

/// The cause of an event: the actor and the call. Holds ids only, nothing personal.
package struct EventMetadata: Sendable, Hashable {
    /// The user who acted; nil for the system itself.
    package var actor: UUID?
    /// The command that appended it.
    package var command: UUID
    /// The request that everything caused by one call shares: its `X-Request-ID`, or a keyed hash of one that may say something.
    package var correlation: String?
    /// The id of the event that led to this one, where a process acted.
    package var causation: UUID?
    /// The W3C trace context of the call.
    package var traceparent: String?
    /// Where the event's content was imported from, if it was; stored as `import`.
    package var origin: ImportOrigin?

    package init(
        actor: UUID? = nil, command: UUID, correlation: String? = nil, causation: UUID? = nil, traceparent: String? = nil, origin: ImportOrigin? = nil
    ) {
        self.actor = actor
        self.command = command
        self.correlation = correlation
        self.causation = causation
        self.traceparent = traceparent
        self.origin = origin
    }

    /// The stored form: one object, absent members left out.
    package var json: JSONObject {
        var object = JSONObject()
        if let actor { object["actor"] = .string(actor.lowercased) }
        object["command"] = .string(command.lowercased)
        if let correlation { object["correlation"] = .string(correlation) }
        if let causation { object["causation"] = .string(causation.lowercased) }
        if let traceparent { object["traceparent"] = .string(traceparent) }
        if let origin { object["import"] = .object(origin.json) }
        return object
    }

    /// Reads the stored form; nil when a member has another form.
    package init?(json: JSONObject) {
        func id(_ name: String) -> UUID? { json[name]?.text.flatMap { UUID(lowercase: $0) } }
        guard let command = id("command") else { return nil }
        self.init(
            actor: id("actor"), command: command, correlation: json["correlation"]?.text, causation: id("causation"),
            traceparent: json["traceparent"]?.text, origin: json["import"]?.members.flatMap { ImportOrigin(json: $0) })
    }
}

extension EventMetadata {
    /// Reads the stored form from JSON text; nil when it has another form.
    package init?(storedAs text: UnsafeRawBufferPointer) {
        // Nearly all metadata are one flat object of plain strings. It is read with each event of the log, so no tree is made for it.
        if let metadata = Self.flat(text) {
            self = metadata
            return
        }
        guard let json = try? JSONValue.parse(in: text).members else { return nil }
        self.init(json: json)
    }

    private static func flat(_ text: UnsafeRawBufferPointer) -> EventMetadata? {
        var members = FlatJSONObject(text)
        var metadata = EventMetadata(command: UUID(high: 0, low: 0))
        var hasCommand = false
        while let member = members.next() {
            if member.name.elementsEqual("command".utf8) {
                guard let command = UUID(lowercase: member.value) else { return nil }
                metadata.command = command
                hasCommand = true
            } else if member.name.elementsEqual("actor".utf8) {
                metadata.actor = UUID(lowercase: member.value)
            } else if member.name.elementsEqual("causation".utf8) {
                metadata.causation = UUID(lowercase: member.value)
            } else if member.name.elementsEqual("correlation".utf8) {
                metadata.correlation = String(validating: member.value, as: UTF8.self)
            } else if member.name.elementsEqual("traceparent".utf8) {
                metadata.traceparent = String(validating: member.value, as: UTF8.self)
            }
        }
        return members.isComplete && hasCommand ? metadata : nil
    }
}

/// Sealed fields of an event that a store could not open. They are null, and nobody knows whether they are forgotten.
package struct Unopened: Sendable, Hashable {
    /// Their names.
    package let fields: Set<String>
    package let reason: UnopenedReason

    package init(fields: Set<String>, reason: UnopenedReason) {
        self.fields = fields
        self.reason = reason
    }
}

/// Why something sealed could not be opened. Kept by these names.
package enum UnopenedReason: String, Sendable, Hashable, CaseIterable {
    /// The vault has no key for the person and never destroyed one.
    case keyMissing = "key missing"
    /// The master key opens other keys and not the person's: its bytes were changed.
    case keyDamaged = "key damaged"
    /// The person's key does not open it: its bytes were changed, or it belongs to another event.
    case sealDamaged = "seal damaged"
}

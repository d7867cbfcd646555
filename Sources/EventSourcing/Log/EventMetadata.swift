package import FoundationEssentials

/// Who caused an event, through which call. Holds ids only, nothing personal.
package struct EventMetadata: Sendable, Hashable {
    /// The user who acted; nil for the system itself.
    package var actor: UUID?
    /// The command that appended it.
    package var command: UUID
    /// The request (`X-Request-ID`) that everything caused by one call shares.
    package var correlation: String?
    /// The id of the event that led to this one, where a process acted.
    package var causation: UUID?
    /// The W3C trace context of the call.
    package var traceparent: String?

    package init(actor: UUID? = nil, command: UUID, correlation: String? = nil, causation: UUID? = nil, traceparent: String? = nil) {
        self.actor = actor
        self.command = command
        self.correlation = correlation
        self.causation = causation
        self.traceparent = traceparent
    }

    /// The stored form: one flat object, absent members left out.
    package var json: JSONObject {
        var object = JSONObject()
        if let actor { object["actor"] = .string(actor.lowercased) }
        object["command"] = .string(command.lowercased)
        if let correlation { object["correlation"] = .string(correlation) }
        if let causation { object["causation"] = .string(causation.lowercased) }
        if let traceparent { object["traceparent"] = .string(traceparent) }
        return object
    }

    /// Reads the stored form; nil when a member has another form.
    package init?(json: JSONObject) {
        func id(_ name: String) -> UUID? { json[name]?.text.flatMap { UUID(lowercase: $0) } }
        guard let command = id("command") else { return nil }
        self.init(
            actor: id("actor"), command: command, correlation: json["correlation"]?.text, causation: id("causation"),
            traceparent: json["traceparent"]?.text)
    }
}

package import EventSourcing
package import JSON

/// An event of a process's own stream.
package struct ProcessEvent: Sendable, Hashable {
    /// The raw value is the stored type.
    package enum Kind: String, Sendable, CaseIterable {
        /// `name` is the kind of the process, `data` its input.
        case started = "ProcessStarted"
        /// `name` is the reply's.
        case replied = "ProcessReplied"
        /// The message `name` came to an instance that is missing or over; `reason` says which.
        case messageRefused = "ProcessMessageRefused"
        /// `data` is the command and `undo` the one that takes it back.
        case stepIssued = "ProcessStepIssued"
        /// Nobody knows whether the command was carried out, or it was refused after a pivot. It is tried again `at` a time.
        case stepFailed = "ProcessStepFailed"
        case stepRefused = "ProcessStepRefused"
        /// `data` is the result.
        case stepDone = "ProcessStepDone"
        /// An operator counts the step as done, or as undone.
        case stepSkipped = "ProcessStepSkipped"
        /// An operator has the step tried again now.
        case stepRetried = "ProcessStepRetried"
        case stepUndone = "ProcessStepUndone"
        /// `undo` is the command that takes back what is waited for.
        case deadlineSet = "ProcessDeadlineSet"
        case deadlinePassed = "ProcessDeadlinePassed"
        case deadlineCancelled = "ProcessDeadlineCancelled"
        case compensationBegun = "ProcessCompensationBegun"
        /// `name` is the outcome.
        case ended = "ProcessEnded"
    }

    package static let category = "process"
    /// The name of the reply that a start is to an instance that runs.
    package static let again = "again"

    package let kind: Kind
    package var step: String?
    package var name: String?
    package var data: JSONObject?
    package var undo: JSONObject?
    package var isPivot = false
    package var at: Timestamp?
    package var reason: String?

    package init(_ kind: Kind) { self.kind = kind }

    package init(_ kind: Kind, step: String, reason: String? = nil, at: Timestamp? = nil, data: JSONObject? = nil) {
        self.kind = kind
        self.step = step
        self.reason = reason
        self.at = at
        self.data = data
    }

    package init(_ kind: Kind, name: String, reason: String? = nil, data: JSONObject? = nil) {
        self.kind = kind
        self.name = name
        self.reason = reason
        self.data = data
    }
}

extension ProcessEvent {
    /// The stored forms. Objects are kept as JSON texts.
    package static let schemas = Kind.allCases.map { kind in
        EventSchema(
            kind.rawValue, in: category,
            [
                .open("step", .text), .open("name", .text), .open("data", .text), .open("undo", .text), .open("pivot", .boolean),
                .open("at", .timestamp), .open("reason", .text),
            ])
    }

    package var encoded: NewEvent {
        var fields = JSONObject()
        if let step { fields["step"] = .string(step) }
        if let name { fields["name"] = .string(name) }
        if let data { fields["data"] = .string(JSONValue.object(data).serialized) }
        if let undo { fields["undo"] = .string(JSONValue.object(undo).serialized) }
        if isPivot { fields["pivot"] = .bool(true) }
        if let at { fields["at"] = .string(at.description) }
        if let reason { fields["reason"] = .string(reason) }
        return NewEvent(type: kind.rawValue, schemaVersion: 1, data: fields)
    }

    /// Throws for an event of another category or in an unknown version.
    package init(_ event: RecordedEvent) throws(EventDecodingError) {
        guard let read = ProcessEvent(NewEvent(type: event.type, schemaVersion: event.schemaVersion, data: event.data)) else {
            throw EventDecodingError(event, reason: "not an event of a process in a known version")
        }
        self = read
    }

    /// Nil for an event of another category or in an unknown version, or whose objects are none.
    package init?(_ event: NewEvent) {
        guard let kind = Kind(rawValue: event.type), event.schemaVersion == 1 else { return nil }
        self.init(kind)
        func object(_ name: String) -> JSONObject?? {
            guard let text = event.data[name]?.text else { return .some(nil) }
            return (try? JSONValue.parse(Array(text.utf8)))?.members
        }
        guard let data = object("data"), let undo = object("undo") else { return nil }
        (self.data, self.undo) = (data, undo)
        step = event.data["step"]?.text
        name = event.data["name"]?.text
        isPivot = event.data["pivot"] == .bool(true)
        at = event.data["at"]?.text.flatMap { Timestamp($0) }
        reason = event.data["reason"]?.text
    }
}

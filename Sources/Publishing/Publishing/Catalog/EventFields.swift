import EventSourcing
import FoundationEssentials
import JSON

/// The fields of a stored event in its type's newest form, read one by one. Every read says what is wrong, and where.
struct EventFields {
    private let event: RecordedEvent
    private let data: JSONObject

    /// Throws for another version than that of the event's schema.
    init(_ event: RecordedEvent, in schemas: [EventSchema]) throws(EventDecodingError) {
        if let schema = schemas.first(where: { $0.type == event.type }), schema.version != event.schemaVersion {
            throw EventDecodingError(event, reason: "this version is not known")
        }
        self.event = event
        data = event.data
    }

    /// A personal text, or that it is forgotten.
    func personal(_ name: String) throws(EventDecodingError) -> Personal<String> {
        guard let value = try personalIfPresent(name) else { throw failure("\(name) is missing") }
        return value
    }

    /// A personal text, or that it is forgotten; nil when the event does not speak of it.
    func personalIfPresent(_ name: String) throws(EventDecodingError) -> Personal<String>? {
        switch data[name] {
        case nil: nil
        case .null: .forgotten
        case .string(let text): .known(text)
        case .bool, .integer, .number, .array, .object: throw failure("\(name) is not a text")
        }
    }

    func role(_ name: String) throws(EventDecodingError) -> Role {
        try required(name, "a role") { $0.text.flatMap(Role.init(rawValue:)) }
    }

    func id(_ name: String) throws(EventDecodingError) -> UUID {
        try required(name, "an id") { $0.text.flatMap { UUID(lowercase: $0) } }
    }

    func text(_ name: String) throws(EventDecodingError) -> String { try required(name, "a text") { $0.text } }

    func integer(_ name: String) throws(EventDecodingError) -> Int64 { try required(name, "a whole number") { $0.int } }

    /// Whole numbers by id.
    func counts(_ name: String) throws(EventDecodingError) -> [UUID: Int64] {
        try required(name, "an object of whole numbers by id") { json in
            guard case .object(let object) = json else { return nil }
            var counts: [UUID: Int64] = [:]
            for member in object.list {
                guard let id = UUID(lowercase: member.name), let count = member.value.int else { return nil }
                counts[id] = count
            }
            return counts
        }
    }

    func timestamp(_ name: String) throws(EventDecodingError) -> Timestamp {
        try required(name, "a time") { $0.text.flatMap { Timestamp($0) } }
    }

    func timestampIfPresent(_ name: String) throws(EventDecodingError) -> Timestamp? {
        guard data[name] != nil else { return nil }
        return try required(name, "a time") { $0.text.flatMap { Timestamp($0) } }
    }

    private func required<Value>(_ name: String, _ form: String, _ read: (JSONValue) -> Value?) throws(EventDecodingError) -> Value {
        guard let json = data[name] else { throw failure("\(name) is missing") }
        guard let value = read(json) else { throw failure("\(name) is not \(form)") }
        return value
    }

    private func failure(_ reason: String) -> EventDecodingError { EventDecodingError(event, reason: reason) }
}

extension Personal<String> {
    /// The field's value in an event's JSON: null when it is forgotten.
    var json: JSONValue {
        switch self {
        case .known(let text): .string(text)
        case .forgotten: .null
        }
    }
}

extension JSONObject {
    /// The members that have a value, in this order.
    static func present(_ members: KeyValuePairs<String, JSONValue?>) -> JSONObject {
        members.reduce(into: JSONObject()) { object, member in
            if let value = member.value { object[member.key] = value }
        }
    }
}

extension TextValue {
    /// The value as an event holds it.
    var stored: Personal<String> { .known(text) }

    /// The same when it differs from what is there, byte by byte; nil when it changes nothing.
    func change(of present: Personal<String>) -> Personal<String>? {
        switch present {
        case .known(let old): old.utf8.elementsEqual(text.utf8) ? nil : stored
        case .forgotten: stored
        }
    }
}

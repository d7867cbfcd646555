import EventSourcing
import FoundationEssentials
import Postgres

/// A named parameter of an event's statement.
enum EventParameter: Hashable {
    case stream
    case streamID
    case version
    case position
    case recordedAt
    case actor
    case eventID
    case data
    /// A field of the event's data; NULL when it is absent or forgotten.
    case field(String, EventField.Kind)
    /// Whether the data has the field at all, forgotten or not.
    case given(String)

    private static let fixed: [String: EventParameter] = [
        "stream": .stream, "stream_id": .streamID, "version": .version, "position": .position, "recorded_at": .recordedAt, "actor": .actor,
        "event_id": .eventID, "data": .data,
    ]

    /// Every parameter that an event of this type has, by name. A field that is named like a fixed parameter is reached through `:data`.
    static func all(of schema: EventSchema) -> [String: EventParameter] {
        var all: [String: EventParameter] = [:]
        for field in schema.fields {
            all[field.name] = .field(field.name, field.kind)
            all[field.name + "_given"] = .given(field.name)
        }
        return all.merging(fixed) { _, fixed in fixed }
    }

    /// The cast that follows the placeholder, so that the server never has to guess: it would read a bound value as the wrong type.
    var sqlType: String {
        switch self {
        case .stream: "text"
        case .streamID, .actor, .eventID: "uuid"
        case .version: "int"
        case .position: "bigint"
        case .recordedAt: "timestamptz"
        case .data: "jsonb"
        case .given: "boolean"
        case .field(_, .text): "text"
        case .field(_, .integer): "bigint"
        case .field(_, .boolean): "boolean"
        case .field(_, .id): "uuid"
        case .field(_, .timestamp): "timestamptz"
        }
    }

    /// The value to bind. Throws when the event's data holds something else than its schema says.
    func value(in event: RecordedEvent) throws(UnreadableField) -> SQLValue {
        switch self {
        case .stream: return .text(event.stream.description)
        case .streamID: return .uuid(event.stream.id)
        case .version: return .int4(Int32(truncatingIfNeeded: event.version))
        case .position: return .int8(event.position)
        case .recordedAt: return .timestamp(event.recordedAt.milliseconds)
        case .actor: return .uuid(optional: event.metadata.actor)
        case .eventID: return .uuid(event.id)
        case .data: return .jsonb(JSON.object(event.data).serialized)
        case .given(let name): return .bool(event.data[name] != nil)
        case .field(let name, let kind):
            guard let value = event.data[name], value != .null else { return .null }
            guard let bound = kind.bind(value) else { throw UnreadableField(name: name, position: event.position) }
            return bound
        }
    }
}

/// An event holds a value of another kind than its schema says. Says where, never what.
struct UnreadableField: Error, Equatable {
    let name: String
    let position: Int64
}

extension EventField.Kind {
    fileprivate func bind(_ value: JSON) -> SQLValue? {
        switch self {
        case .text: value.text.map(SQLValue.text)
        case .integer: value.int.map(SQLValue.int8)
        case .boolean: if case .bool(let bool) = value { .bool(bool) } else { nil }
        case .id: value.text.flatMap { UUID(lowercase: $0) }.map(SQLValue.uuid)
        case .timestamp: value.text.flatMap { Timestamp($0) }.map { .timestamp($0.milliseconds) }
        }
    }
}

import EventSourcing
import FoundationEssentials
import JSON
import Postgres

/// The statement of one `<EventType>.sql`, its named parameters turned into placeholders.
struct EventStatement {
    let file: SQLFile
    let statement: Statement
    /// In the order of `$1`, `$2`, …
    let parameters: [EventParameter]

    /// Throws when the file names a parameter that the event does not have.
    init(_ file: SQLFile, for schema: EventSchema) throws(ReadModelError) {
        let known = EventParameter.all(of: schema)
        var parameters: [EventParameter] = []
        let sql = try file.replacingParameters { (token, text) throws(ReadModelError) in
            let name = String(text.dropFirst())
            guard let parameter = known[name] else {
                let names = known.keys.sorted().map { ":" + $0 }.joined(separator: " ")
                throw file.refusal(at: token, "\(schema.type) has no parameter :\(name); it has \(names)")
            }
            if !parameters.contains(parameter) { parameters.append(parameter) }
            return "$\((parameters.firstIndex(of: parameter) ?? 0) + 1)::\(parameter.sqlType)"
        }
        self.file = file
        self.parameters = parameters
        statement = Statement(file.path, sql)
    }

    /// The statement with the event's values. Throws when the event's data is not what its schema says.
    func query(for event: RecordedEvent) throws(UnreadableField) -> Query {
        var values: [SQLValue] = []
        values.reserveCapacity(parameters.count)
        for parameter in parameters { values.append(try parameter.value(in: event)) }
        return Query(statement, values)
    }
}

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
        case .field(_, .counts): "jsonb"
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
        case .data: return .jsonb(try event.wholeData)
        case .given(let name): return .bool(event.data[name] != nil)
        case .field(let name, .text): return .text(optional: try event.field(name, \.text))
        case .field(let name, .integer): return .int8(optional: try event.field(name, \.int))
        case .field(let name, .boolean): return .bool(optional: try event.field(name, \.bool))
        case .field(let name, .id): return .uuid(optional: try event.field(name, \.id))
        case .field(let name, .timestamp): return .timestamp(optional: try event.field(name, \.milliseconds))
        case .field(let name, .counts): return .jsonb(optional: try event.field(name, \.counts))
        }
    }

    /// The values of many events, to bind as one array. Throws when one's data holds something else than its schema says.
    func values(in events: [RecordedEvent]) throws(UnreadableField) -> SQLValue {
        switch self {
        case .stream: return .texts(events.map { $0.stream.description })
        case .streamID: return .uuids(events.map { $0.stream.id })
        case .version: return .int4s(events.map { Int32(truncatingIfNeeded: $0.version) })
        case .position: return .int8s(events.map { $0.position })
        case .recordedAt: return .timestamps(events.map { $0.recordedAt.milliseconds })
        case .actor: return .uuids(events.map { $0.metadata.actor })
        case .eventID: return .uuids(events.map { $0.id })
        case .data:
            var texts: [String?] = []
            for event in events { texts.append(try event.wholeData) }
            return .jsonbs(texts)
        case .given(let name): return .bools(events.map { $0.data[name] != nil })
        case .field(let name, .text): return .texts(try events.fields(name, \.text))
        case .field(let name, .integer): return .int8s(try events.fields(name, \.int))
        case .field(let name, .boolean): return .bools(try events.fields(name, \.bool))
        case .field(let name, .id): return .uuids(try events.fields(name, \.id))
        case .field(let name, .timestamp): return .timestamps(try events.fields(name, \.milliseconds))
        case .field(let name, .counts): return .jsonbs(try events.fields(name, \.counts))
        }
    }
}

/// An event holds a value of another kind than its schema says, or one that could not be opened. Says where, never what.
struct UnreadableField: Error, Equatable {
    let name: String
    let position: Int64
}

extension RecordedEvent {
    /// A field's value; nil when it is absent or forgotten.
    fileprivate func field<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(UnreadableField) -> Value? {
        if unopened?.fields.contains(name) ?? false { throw UnreadableField(name: name, position: position) }
        guard let field = data[name] else { return nil }
        if case .null = field { return nil }
        guard let value = read(field) else { throw UnreadableField(name: name, position: position) }
        return value
    }
}

extension RecordedEvent {
    /// All of the data as JSON text.
    fileprivate var wholeData: String {
        get throws(UnreadableField) {
            if let name = unopened?.fields.min() { throw UnreadableField(name: name, position: position) }
            return JSONValue.object(data).serialized
        }
    }
}

extension [RecordedEvent] {
    fileprivate func fields<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(UnreadableField) -> [Value?] {
        var values: [Value?] = []
        values.reserveCapacity(count)
        for event in self { values.append(try event.field(name, read)) }
        return values
    }
}

extension JSONValue {
    fileprivate var bool: Bool? {
        if case .bool(let bool) = self { bool } else { nil }
    }

    fileprivate var id: UUID? { text.flatMap { UUID(lowercase: $0) } }

    fileprivate var milliseconds: Int64? { text.flatMap { Timestamp($0) }?.milliseconds }

    /// The JSON text of an object that holds nothing but whole numbers by id.
    fileprivate var counts: String? {
        guard case .object(let object) = self, object.list.allSatisfy({ UUID(lowercase: $0.name) != nil && $0.value.int != nil }) else { return nil }
        return serialized
    }
}

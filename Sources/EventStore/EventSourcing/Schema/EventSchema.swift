package import JSON

/// One field of an event type's JSON.
package struct EventField: Sendable, Hashable {
    /// How the field's value is written in JSON, and so which SQL type it is bound as.
    package enum Kind: Sendable, Hashable {
        case text
        case integer
        case boolean
        /// A UUID in lower case.
        case id
        /// RFC 3339 in UTC with milliseconds.
        case timestamp
        /// An object of whole numbers by id: `{"0198…": 3}`.
        case counts
    }

    package let name: String
    package let kind: Kind
    /// Whether the log seals it.
    package let isPersonal: Bool

    /// A field that anyone who reads the log may see.
    package static func open(_ name: String, _ kind: Kind) -> EventField { EventField(name: name, kind: kind, isPersonal: false) }

    /// A field that only its subject's key opens.
    package static func personal(_ name: String, _ kind: Kind = .text) -> EventField { EventField(name: name, kind: kind, isPersonal: true) }
}

/// The newest stored form of one event type.
package struct EventSchema: Sendable, Hashable {
    package let type: String
    /// The category of the streams it stands in.
    package let category: String
    /// The newest version of its JSON.
    package let version: Int
    /// Whether an event of this type erases what its stream is about: nothing of it may stay in any read table, kept and parked ones included.
    package let erases: Bool
    package let fields: [EventField]
    /// The names of the fields that the log seals.
    package let personalFields: [String]

    package init(_ type: String, in category: String, version: Int = 1, erases: Bool = false, _ fields: [EventField]) {
        self.type = type
        self.category = category
        self.version = version
        self.erases = erases
        self.fields = fields
        personalFields = fields.filter(\.isPersonal).map(\.name)
    }
}

/// All event types that the log may hold, and how old forms of them are read.
package struct EventCatalog: Sendable {
    package let schemas: [String: EventSchema]
    /// The types whose events erase what their stream is about.
    package let erasing: Set<String>
    let upcasters: [Upcaster.Source: Upcaster]

    package init(_ schemas: [EventSchema], upcasters: [Upcaster] = []) {
        self.schemas = Dictionary(schemas.map { ($0.type, $0) }, uniquingKeysWith: { first, _ in first })
        erasing = Set(schemas.filter(\.erases).map(\.type))
        self.upcasters = Dictionary(upcasters.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package subscript(_ type: String) -> EventSchema? { schemas[type] }

    /// A stored event's data in its type's newest form, with the version reached. Throws for a type or version that this program does not know.
    package func upcast(_ type: String, version: Int, data: JSONObject) throws(UnknownEvent) -> (version: Int, data: JSONObject) {
        guard let schema = schemas[type] else { throw UnknownEvent(type: type, version: version) }
        var version = version
        var data = data
        while version < schema.version {
            guard let upcaster = upcasters[.init(type: type, version: version)] else { throw UnknownEvent(type: type, version: version) }
            data = upcaster.convert(data)
            version += 1
        }
        guard version == schema.version else { throw UnknownEvent(type: type, version: version) }
        return (version, data)
    }
}

/// Reads one old form of an event type as the next: pure, and kept for as long as the log is.
package struct Upcaster: Sendable {
    package struct Source: Sendable, Hashable {
        package let type: String
        package let version: Int
    }

    package let source: Source
    let convert: @Sendable (JSONObject) -> JSONObject

    /// Converts data of `type` at `version` to version + 1.
    package init(_ type: String, from version: Int, _ convert: @escaping @Sendable (JSONObject) -> JSONObject) {
        source = Source(type: type, version: version)
        self.convert = convert
    }
}

/// An event type or a version of it that this program does not know.
package struct UnknownEvent: Error, Equatable {
    package let type: String
    package let version: Int

    package init(type: String, version: Int) {
        self.type = type
        self.version = version
    }
}

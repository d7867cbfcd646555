/// A JSON value (RFC 8259) as a tree: request bodies and event data are read from it field by field.
///
/// Strings and names are equal when their UTF-8 is (§8.3).
package enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    /// Any other number; an infinity when it is larger than a double can be.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The text when this is a string.
    package var text: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The number when this is a whole number.
    package var int: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    /// The members when this is an object.
    package var members: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// The member of that name when this is an object that has one.
    package subscript(_ name: String) -> JSONValue? { members?[name] }

    /// The same value with the members of all its objects in the order of their names' UTF-8: two texts that say the same become one.
    package var sortedByName: JSONValue {
        switch self {
        case .null, .bool, .integer, .number, .string: self
        case .array(let elements): .array(elements.map(\.sortedByName))
        case .object(let object):
            .object(
                JSONObject(
                    object.list.map { JSONObject.Member(name: $0.name, value: $0.value.sortedByName) }
                        .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }))
        }
    }
}

extension JSONValue: Hashable {
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.string(let left), .string(let right)): left.hasSameUTF8(as: right)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        case (.null, _), (.bool, _), (.integer, _), (.number, _), (.string, _), (.array, _), (.object, _): false
        }
    }

    package func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(value)
        case .number(let value): hasher.combine(value)
        case .string(let text): hasher.combine(utf8: text)
        case .array(let elements): hasher.combine(elements)
        case .object(let object): hasher.combine(object)
        }
    }
}

extension Hasher {
    /// Takes in a text by its bytes: hashing a `String` normalises it.
    mutating func combine(utf8 text: String) {
        var text = text
        text.withUTF8 { combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

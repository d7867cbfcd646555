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

/// The members of a JSON object in their written order. Objects here are small, so look-up is a scan.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }

        package static func == (left: Member, right: Member) -> Bool { left.name.hasSameUTF8(as: right.name) && left.value == right.value }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(utf8: name)
            hasher.combine(value)
        }
    }

    package var list: [Member]

    package init(_ list: [Member] = []) { self.list = list }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        list = elements.map { Member(name: $0.0, value: $0.1) }
    }

    /// The names in written order.
    package var names: [String] { list.map(\.name) }

    package var isEmpty: Bool { list.isEmpty }

    /// Reads, replaces, adds (at the end) or, set to nil, removes a member.
    package subscript(_ name: String) -> JSONValue? {
        get { list.first { $0.name.hasSameUTF8(as: name) }?.value }
        set {
            guard let index = list.firstIndex(where: { $0.name.hasSameUTF8(as: name) }) else {
                if let newValue { list.append(Member(name: name, value: newValue)) }
                return
            }
            if let newValue { list[index].value = newValue } else { list.remove(at: index) }
        }
    }
}

/// Walks over a JSON object whose members are all strings without escapes, and builds nothing. Stops where the text is anything else: the members
/// that it has handed out count only when it came to the end. It does not look for duplicate names, which `jsonb` does not have, and leaves UTF-8 to
/// the caller.
package struct FlatJSONObject {
    package typealias Text = UnsafeBufferPointer<UInt8>

    private var scanner: JSONScanner
    private var hasBegun = false
    /// Whether the object has been read to its end, with nothing behind it.
    package private(set) var isComplete = false

    package init(_ text: UnsafeRawBufferPointer) { scanner = JSONScanner(text, maximumDepth: 1) }

    /// The next member; nil at the end, and where the text is not of this kind.
    package mutating func next() -> (name: Text, value: Text)? {
        do throws(JSONSyntaxError) {
            if !hasBegun {
                guard case .object = try scanner.next() else { return nil }
                hasBegun = true
            }
            guard let name = try scanner.nextMember() else {
                try scanner.finish()
                isComplete = true
                return nil
            }
            guard !name.hasEscapes, case .string(let value) = try scanner.next(), !value.hasEscapes else { return nil }
            return (name.bytes, value.bytes)
        } catch {
            return nil
        }
    }
}

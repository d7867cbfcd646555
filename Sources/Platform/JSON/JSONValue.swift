/// A JSON value (RFC 8259) as a tree: what request bodies and event data are read from, field by field.
package enum JSONValue: Sendable, Hashable {
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
}

/// The members of a JSON object in their written order. Objects here are small, so look-up is a scan.
package struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package struct Member: Sendable, Hashable {
        package var name: String
        package var value: JSONValue

        /// Whether its name is this one, code unit for code unit (RFC 8259 §8.3): strings are equal when they only look alike.
        func isNamed(_ name: String) -> Bool { self.name == name && self.name.utf8.elementsEqual(name.utf8) }
    }

    package var list: [Member]

    package init(_ list: [Member] = []) {
        self.list = list
    }

    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        list = elements.map { Member(name: $0.0, value: $0.1) }
    }

    /// The names in written order.
    package var names: [String] { list.map(\.name) }

    package var isEmpty: Bool { list.isEmpty }

    /// Reads, replaces, adds (at the end) or, set to nil, removes a member.
    package subscript(_ name: String) -> JSONValue? {
        get { list.first { $0.isNamed(name) }?.value }
        set {
            guard let index = list.firstIndex(where: { $0.isNamed(name) }) else {
                if let newValue { list.append(Member(name: name, value: newValue)) }
                return
            }
            if let newValue { list[index].value = newValue } else { list.remove(at: index) }
        }
    }
}

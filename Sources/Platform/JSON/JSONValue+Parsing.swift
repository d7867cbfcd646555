extension JSONValue {
    /// Parses one JSON text, strictly after RFC 8259: UTF-8 only, no lone surrogates (§8.2), no duplicate names (§4 leaves them open; refusing them
    /// is the safe reading; names are the same when their UTF-8 is, §8.3), nesting bounded. Linear in the size of the text.
    package static func parse(_ bytes: some Sequence<UInt8>, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        let result = Array(bytes).withUnsafeBytes { text in
            Result { () throws(JSONSyntaxError) in try parse(in: text, maximumDepth: maximumDepth) }
        }
        return try result.get()
    }

    /// Parses one JSON text where it lies.
    package static func parse(in text: UnsafeRawBufferPointer, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        var builder = JSONTreeBuilder(text, maximumDepth: maximumDepth)
        return try builder.document()
    }

    /// Parses one JSON text.
    package static func parse(_ text: String, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        try parse(text.utf8, maximumDepth: maximumDepth)
    }
}

/// Makes a tree of the scanner's tokens.
struct JSONTreeBuilder {
    private var scanner: JSONScanner
    /// How many bytes of names were compared or hashed to find duplicates.
    private(set) var comparedBytes = 0

    init(_ text: UnsafeRawBufferPointer, maximumDepth: Int = 64) { scanner = JSONScanner(text, maximumDepth: maximumDepth) }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        let value = try value()
        try scanner.finish()
        return value
    }

    private mutating func value() throws(JSONSyntaxError) -> JSONValue {
        switch try scanner.next() {
        case .object: return .object(try object())
        case .array:
            var elements: [JSONValue] = []
            while try scanner.nextElement() { elements.append(try value()) }
            return .array(elements)
        case .string(let text): return .string(try text.decoded())
        case .number(let number): return number.value
        case .bool(let value): return .bool(value)
        case .null: return .null
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSONObject {
        var object = JSONObject()
        var names = MemberNames()
        while let text = try scanner.nextMember() {
            let name = try text.decoded()
            guard names.insert(name, into: object, &comparedBytes) else {
                throw JSONSyntaxError(reason: "a member's name stands twice", offset: text.offset - 1)
            }
            object.list.append(.init(name: name, value: try value()))
        }
        return object
    }
}

/// The names that an object has so far. While they are few, comparing them is quicker than hashing them.
private struct MemberNames {
    private static let few = 8
    private var seen: Set<[UInt8]> = []

    /// False when the object has a member of this name. Adds to `compared` the bytes that this takes.
    mutating func insert(_ name: String, into object: JSONObject, _ compared: inout Int) -> Bool {
        if object.list.count < Self.few {
            return !object.list.contains { member in
                if member.name.utf8.count == name.utf8.count { compared += name.utf8.count }
                return member.name.hasSameUTF8(as: name)
            }
        }
        if seen.isEmpty {
            seen = Set(object.list.map { Array($0.name.utf8) })
            compared += object.list.reduce(0) { $0 + $1.name.utf8.count }
        }
        compared += name.utf8.count
        return seen.insert(Array(name.utf8)).inserted
    }
}

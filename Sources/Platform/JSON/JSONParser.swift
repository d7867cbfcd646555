/// Why a text is not acceptable JSON.
package struct JSONSyntaxError: Error, Equatable {
    /// What is wrong, in words fit for the sender.
    package let reason: String
    /// The byte at which it was noticed.
    package let offset: Int
}

extension JSONValue {
    /// Parses one JSON text, strictly after RFC 8259: UTF-8 only, no lone surrogates (§8.2), no duplicate names (§4 leaves them open; refusing them is the safe
    /// reading; names are the same when their code units are, §8.3), nesting bounded. Linear in the size of the text.
    package static func parse(_ bytes: some Sequence<UInt8>, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        let copy = Array(bytes)
        do {
            return try copy.withUnsafeBytes { try parse(in: $0, maximumDepth: maximumDepth) }
        } catch let error as JSONSyntaxError {
            throw error
        } catch {
            throw JSONSyntaxError(reason: "unreadable", offset: 0)
        }
    }

    /// Parses one JSON text where it lies.
    package static func parse(in bytes: UnsafeRawBufferPointer, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(bytes: bytes.bindMemory(to: UInt8.self), maximumDepth: maximumDepth)
        return try parser.parseDocument()
    }

    /// Parses one JSON text.
    package static func parse(_ text: String, maximumDepth: Int = 64) throws(JSONSyntaxError) -> JSONValue {
        try parse(text.utf8, maximumDepth: maximumDepth)
    }
}

/// The names that an object has so far. While they are few, comparing them is quicker than hashing them.
private struct MemberNames {
    private static let few = 8
    /// In UTF-8: as strings, names that only look alike would be one.
    private var seen: Set<[UInt8]> = []

    /// False when the object has a member of this name.
    mutating func insert(_ name: String, into object: JSONObject) -> Bool {
        if object.list.count < Self.few { return !object.list.contains { $0.isNamed(name) } }
        if seen.isEmpty { seen = Set(object.list.map { Array($0.name.utf8) }) }
        return seen.insert(Array(name.utf8)).inserted
    }
}

/// A recursive-descent parser over one buffer; every position it reports is a byte offset into that buffer.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    let maximumDepth: Int
    var at = 0

    mutating func parseDocument() throws(JSONSyntaxError) -> JSONValue {
        let value = try parseValue(depth: 0)
        skipSpace()
        guard at == bytes.count else { throw failure("more text after the value") }
        return value
    }

    private mutating func parseValue(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        guard at < bytes.count else { throw failure("the text ends where a value should stand") }
        let isContainer = bytes[at] == UInt8(ascii: "{") || bytes[at] == UInt8(ascii: "[")
        guard depth < maximumDepth || !isContainer else { throw failure("nested deeper than \(maximumDepth) levels") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth))
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", as: .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", as: .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", as: .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try parseNumber()
        default: throw failure("no value starts like this")
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONSyntaxError) -> JSONObject {
        at += 1
        var object = JSONObject()
        skipSpace()
        if take(UInt8(ascii: "}")) { return object }
        var names = MemberNames()
        while true {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw failure("a member's name should stand here") }
            let start = at
            let name = try parseString()
            guard names.insert(name, into: object) else { throw JSONSyntaxError(reason: "a member's name stands twice", offset: start) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("':' should stand here") }
            object.list.append(.init(name: name, value: try parseValue(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return object }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or '}' should stand here") }
        }
    }

    private mutating func parseArray(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
        at += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try parseValue(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw failure("',' or ']' should stand here") }
        }
    }

    private mutating func parseString() throws(JSONSyntaxError) -> String {
        at += 1
        let start = at
        // Most strings have no escape: one scan, one copy.
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\"), bytes[at] >= 0x20 { at += 1 }
        guard at < bytes.count else { throw failure("a string is not closed") }
        if bytes[at] == UInt8(ascii: "\"") {
            let slice = UnsafeBufferPointer(rebasing: bytes[start..<at])
            guard let text = String(validating: slice, as: UTF8.self) else { throw JSONSyntaxError(reason: "not UTF-8", offset: start) }
            at += 1
            return text
        }
        var content = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                guard let text = String(validating: content, as: UTF8.self) else { throw JSONSyntaxError(reason: "not UTF-8", offset: start) }
                return text
            } else if byte == UInt8(ascii: "\\") {
                at += 1
                try parseEscape(into: &content)
            } else if byte < 0x20 {
                throw failure("a control character in a string must be escaped")
            } else {
                content.append(byte)
                at += 1
            }
        }
        throw failure("a string is not closed")
    }

    private mutating func parseEscape(into content: inout [UInt8]) throws(JSONSyntaxError) {
        guard at < bytes.count else { throw failure("a string is not closed") }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"): content.append(contentsOf: try parseUnicodeEscape())
        default: throw failure("no such escape")
        }
    }

    private mutating func parseUnicodeEscape() throws(JSONSyntaxError) -> String.UTF8View {
        let first = try parseHexadecimal()
        if let scalar = Unicode.Scalar(first) { return String(scalar).utf8 }
        // A high surrogate must be followed by an escaped low one; anything else has no UTF-8 form (RFC 8259 §8.2).
        guard 0xD800..<0xDC00 ~= first, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw failure("a lone surrogate") }
        let second = try parseHexadecimal()
        guard 0xDC00..<0xE000 ~= second, let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) else {
            throw failure("a lone surrogate")
        }
        return String(scalar).utf8
    }

    private mutating func parseHexadecimal() throws(JSONSyntaxError) -> UInt32 {
        guard at + 4 <= bytes.count else { throw failure("four hexadecimal digits should stand here") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue else { throw failure("four hexadecimal digits should stand here") }
            value = value << 4 + UInt32(digit)
            at += 1
        }
        return value
    }

    private mutating func parseNumber() throws(JSONSyntaxError) -> JSONValue {
        let start = at
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try takeDigits() }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            try takeDigits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try takeDigits()
        }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        // Past what a double can hold the grammar is still kept: that number is an infinity here, and for whoever asked for another one to refuse.
        guard let value = Double(text) else { throw JSONSyntaxError(reason: "an unreadable number", offset: start) }
        return .number(value)
    }

    private mutating func takeDigits() throws(JSONSyntaxError) {
        let start = at
        while at < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[at] { at += 1 }
        guard at > start else { throw failure("a digit should stand here") }
    }

    private mutating func parseWord(_ word: StaticString, as value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard at + length <= bytes.count else { throw failure("no value starts like this") }
        for index in 0..<length where bytes[at + index] != word.utf8Start[index] { throw failure("no value starts like this") }
        at += length
        return value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 { at += 1 }
    }

    private func failure(_ reason: String) -> JSONSyntaxError {
        JSONSyntaxError(reason: reason, offset: at)
    }
}

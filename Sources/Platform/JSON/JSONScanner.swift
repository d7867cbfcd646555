/// Why a text is not acceptable JSON.
package struct JSONSyntaxError: Error, Equatable {
    /// The fault, in words fit for the sender.
    package let reason: String
    /// The byte at which it was noticed.
    package let offset: Int
}

/// Reads JSON text (RFC 8259) from front to back, one token at a time, and builds nothing: trees, flat objects and the canonical form are made on top
/// of it.
///
/// It sees to commas and colons, as `JSONWriter` does, and checks the grammar, nesting and surrogates. It visits each byte once. UTF-8 is checked
/// where a string is decoded.
struct JSONScanner {
    enum Token {
        /// The members follow: call `nextMember` until it returns nil, and `next` after each name.
        case object
        /// The elements follow: call `nextElement` until it returns false, and `next` after each true.
        case array
        case string(JSONText)
        case number(JSONNumber)
        case bool(Bool)
        case null
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let maximumDepth: Int
    private var offset = 0
    private var depth = 0
    /// Whether nothing of the innermost object or array has been read yet.
    private var isFirst = true

    init(_ text: UnsafeRawBufferPointer, maximumDepth: Int = 64) {
        bytes = text.bindMemory(to: UInt8.self)
        self.maximumDepth = maximumDepth
    }

    /// The next value, or its beginning.
    mutating func next() throws(JSONSyntaxError) -> Token {
        skipSpace()
        guard offset < bytes.count else { throw failure("the text ends where a value should stand") }
        isFirst = false
        switch bytes[offset] {
        case UInt8(ascii: "{"):
            try open()
            return .object
        case UInt8(ascii: "["):
            try open()
            return .array
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw failure("no value starts like this")
        }
    }

    /// The name of the innermost object's next member, whose value comes next; nil at the object's end.
    mutating func nextMember() throws(JSONSyntaxError) -> JSONText? {
        skipSpace()
        if close(UInt8(ascii: "}")) { return nil }
        if !isFirst {
            guard take(UInt8(ascii: ",")) else { throw failure("',' or '}' should stand here") }
            skipSpace()
        }
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw failure("a member's name should stand here") }
        let name = try string()
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw failure("':' should stand here") }
        return name
    }

    /// Whether the innermost array has another element, which comes next; false at the array's end.
    mutating func nextElement() throws(JSONSyntaxError) -> Bool {
        skipSpace()
        if close(UInt8(ascii: "]")) { return false }
        guard isFirst || take(UInt8(ascii: ",")) else { throw failure("',' or ']' should stand here") }
        return true
    }

    /// Throws unless nothing but white space is left.
    mutating func finish() throws(JSONSyntaxError) {
        skipSpace()
        guard offset == bytes.count else { throw failure("more text after the value") }
    }

    private mutating func open() throws(JSONSyntaxError) {
        guard depth < maximumDepth else { throw failure("nested deeper than \(maximumDepth) levels") }
        offset += 1
        depth += 1
        isFirst = true
    }

    private mutating func close(_ byte: UInt8) -> Bool {
        guard take(byte) else { return false }
        depth -= 1
        isFirst = false
        return true
    }

    private mutating func string() throws(JSONSyntaxError) -> JSONText {
        offset += 1
        let start = offset
        var hasEscapes = false
        while true {
            offset = bytes.endOfPlainText(from: offset)
            guard offset < bytes.count else { throw failure("a string is not closed") }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                offset += 1
                return JSONText(bytes: UnsafeBufferPointer(rebasing: bytes[start..<offset - 1]), hasEscapes: hasEscapes, offset: start)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                offset += 1
                _ = try JSONEscape.read(bytes, at: &offset)
            default: throw failure("a control character in a string must be escaped")
            }
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONNumber {
        let start = offset
        var isWhole = true
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) {
            isWhole = false
            try digits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isWhole = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return JSONNumber(bytes: UnsafeBufferPointer(rebasing: bytes[start..<offset]), isWhole: isWhole, offset: start)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = offset
        while offset < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[offset] { offset += 1 }
        guard offset > start else { throw failure("a digit should stand here") }
    }

    private mutating func word(_ word: StaticString, _ token: Token) throws(JSONSyntaxError) -> Token {
        let length = word.utf8CodeUnitCount
        guard offset + length <= bytes.count else { throw failure("no value starts like this") }
        for index in 0..<length where bytes[offset + index] != word.utf8Start[index] { throw failure("no value starts like this") }
        offset += length
        return token
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.count, bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while offset < bytes.count, bytes[offset] == 0x20 || bytes[offset] == 0x0A || bytes[offset] == 0x0D || bytes[offset] == 0x09 { offset += 1 }
    }

    private func failure(_ reason: String) -> JSONSyntaxError { JSONSyntaxError(reason: reason, offset: offset) }
}

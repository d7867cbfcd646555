/// A string as it stands between its quotes. Valid only while the text that was scanned is.
struct JSONText {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Whether the bytes must be unescaped to be the text.
    let hasEscapes: Bool
    /// Where it begins in the text that was scanned.
    let offset: Int

    /// The text. Throws when it is not UTF-8.
    func decoded() throws(JSONSyntaxError) -> String {
        let text = hasEscapes ? String(validating: unescaped, as: UTF8.self) : String(validating: bytes, as: UTF8.self)
        guard let text else { throw JSONSyntaxError(reason: "not UTF-8", offset: offset) }
        return text
    }

    /// Calls `body` with the text's bytes, which are valid only inside it.
    func withUnescaped<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        hasEscapes ? unescaped.withUnsafeBufferPointer(body) : body(bytes)
    }

    /// The text's bytes.
    var unescaped: [UInt8] {
        guard hasEscapes else { return Array(bytes) }
        var content: [UInt8] = []
        content.reserveCapacity(bytes.count)
        var start = 0
        while let backslash = bytes[start...].firstIndex(of: UInt8(ascii: "\\")) {
            content.append(contentsOf: bytes[start..<backslash])
            start = backslash + 1
            // The scanner has read this escape before.
            guard let scalar = try? JSONEscape.read(bytes, at: &start) else { return content }
            content.append(contentsOf: String(scalar).utf8)
        }
        content.append(contentsOf: bytes[start...])
        return content
    }
}

/// The escapes of JSON strings (RFC 8259 §7), for reading and for writing.
enum JSONEscape {
    /// The short escapes: the letter behind the backslash and the byte that it stands for. `\/` is only read.
    private static let short: [(letter: UInt8, byte: UInt8)] = [
        (UInt8(ascii: "\""), UInt8(ascii: "\"")), (UInt8(ascii: "\\"), UInt8(ascii: "\\")), (UInt8(ascii: "n"), 0x0A), (UInt8(ascii: "r"), 0x0D),
        (UInt8(ascii: "t"), 0x09), (UInt8(ascii: "b"), 0x08), (UInt8(ascii: "f"), 0x0C), (UInt8(ascii: "/"), UInt8(ascii: "/")),
    ]

    /// Reads the escape whose backslash stands before `offset`, and leaves `offset` behind it.
    static func read(_ bytes: UnsafeBufferPointer<UInt8>, at offset: inout Int) throws(JSONSyntaxError) -> Unicode.Scalar {
        guard offset < bytes.count else { throw JSONSyntaxError(reason: "a string is not closed", offset: offset) }
        let letter = bytes[offset]
        offset += 1
        if let escape = short.first(where: { $0.letter == letter }) { return Unicode.Scalar(escape.byte) }
        guard letter == UInt8(ascii: "u") else { throw JSONSyntaxError(reason: "no such escape", offset: offset) }
        let first = try hexadecimal(bytes, at: &offset)
        if let scalar = Unicode.Scalar(first) { return scalar }
        // A high surrogate must be followed by an escaped low one; anything else has no UTF-8 form (RFC 8259 §8.2).
        guard 0xD800..<0xDC00 ~= first, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u") else {
            throw JSONSyntaxError(reason: "a lone surrogate", offset: offset)
        }
        offset += 2
        let second = try hexadecimal(bytes, at: &offset)
        guard 0xDC00..<0xE000 ~= second, let scalar = Unicode.Scalar(0x10000 + UInt32(first - 0xD800) << 10 + UInt32(second - 0xDC00)) else {
            throw JSONSyntaxError(reason: "a lone surrogate", offset: offset)
        }
        return scalar
    }

    private static func hexadecimal(_ bytes: UnsafeBufferPointer<UInt8>, at offset: inout Int) throws(JSONSyntaxError) -> UInt16 {
        guard offset + 4 <= bytes.count else { throw JSONSyntaxError(reason: "four hexadecimal digits should stand here", offset: offset) }
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
                throw JSONSyntaxError(reason: "four hexadecimal digits should stand here", offset: offset)
            }
            value = value << 4 + UInt16(digit)
            offset += 1
        }
        return value
    }

    /// The escape that RFC 8785 §3.2.2.2 has for a quote, a backslash or a control character: the short form where there is one.
    static func written(_ byte: UInt8) -> [UInt8] {
        if let escape = short.first(where: { $0.byte == byte }) { return [UInt8(ascii: "\\"), escape.letter] }
        return hexadecimal(UInt16(byte))
    }

    /// The long form, in lower case.
    static func hexadecimal(_ codeUnit: UInt16) -> [UInt8] {
        let digits = String(codeUnit, radix: 16).utf8
        return Array("\\u".utf8) + Array(repeating: UInt8(ascii: "0"), count: 4 - digits.count) + digits
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Where the run of bytes from `start` on ends that stand in a string as they are: at a quote, a backslash, a control character or the end. Looks
    /// at eight bytes at a time.
    func endOfPlainText(from start: Int) -> Int {
        guard let base = UnsafeRawPointer(baseAddress) else { return count }
        var index = start
        while index + 8 <= count {
            let word = UInt64(littleEndian: (base + index).loadUnaligned(as: UInt64.self))
            let found = word.bytesBelow(0x20) | (word ^ 0x2222_2222_2222_2222).bytesBelow(0x01) | (word ^ 0x5C5C_5C5C_5C5C_5C5C).bytesBelow(0x01)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, self[index] >= 0x20, self[index] != UInt8(ascii: "\""), self[index] != UInt8(ascii: "\\") { index += 1 }
        return index
    }
}

extension UInt64 {
    /// The high bit of the lowest byte that is below `limit`, if there is one. Bits above it may be set in error.
    fileprivate func bytesBelow(_ limit: UInt64) -> UInt64 { (self &- limit &* 0x0101_0101_0101_0101) & ~self & 0x8080_8080_8080_8080 }
}

extension String {
    /// This text with JSON escapes in the place of characters that could steer a terminal or disturb the order of what it shows: controls (C0, DEL,
    /// C1), line and paragraph separators, and Unicode's bidirectional controls (UAX #9 §2). JSON text stays the same JSON, because such characters
    /// stand in its strings only.
    package var escapingControls: String {
        guard unicodeScalars.contains(where: \.steersTerminals) else { return self }
        var escaped = ""
        for scalar in unicodeScalars {
            if scalar.steersTerminals {
                escaped += String(decoding: JSONEscape.hexadecimal(UInt16(scalar.value)), as: UTF8.self)
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension Unicode.Scalar {
    /// All below U+10000, so that one escape is enough.
    fileprivate var steersTerminals: Bool {
        switch value {
        case 0x00...0x1F, 0x7F...0x9F, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

/// Writes JSON text straight into a byte buffer, without a tree in between: what hot responses and stored events are made with.
///
/// The caller opens and closes objects and arrays in matching pairs; commas are the writer's.
package struct JSONWriter: Sendable {
    /// The UTF-8 text so far.
    package private(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    /// The text so far as a string.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    package mutating func object(_ content: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "{"))
        try content(&self)
        close(UInt8(ascii: "}"))
    }

    package mutating func array(_ content: (inout JSONWriter) throws -> Void) rethrows {
        open(UInt8(ascii: "["))
        try content(&self)
        close(UInt8(ascii: "]"))
    }

    /// Writes a member's name; its value must follow.
    package mutating func name(_ name: String) {
        separate()
        writeQuoted(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    package mutating func null() { raw("null") }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func integer(_ value: some BinaryInteger & Sendable) { raw(String(value)) }

    package mutating func number(_ value: Double) { raw(JSONNumber.shortest(value)) }

    package mutating func string(_ value: String) {
        separate()
        writeQuoted(value)
        needsComma = true
    }

    /// Writes text that already is JSON, as it is.
    package mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
        needsComma = true
    }

    /// Writes bytes that already are JSON, as they are.
    package mutating func raw(_ json: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: json)
        needsComma = true
    }

    /// Writes a whole tree.
    package mutating func value(_ json: JSONValue) {
        switch json {
        case .null: null()
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .number(let value): number(value)
        case .string(let value): string(value)
        case .array(let elements): array { for element in elements { $0.value(element) } }
        case .object(let object): members(object)
        }
    }

    private mutating func members(_ members: JSONObject) {
        object {
            for member in members.list {
                $0.name(member.name)
                $0.value(member.value)
            }
        }
    }

    private mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    private mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func writeQuoted(_ value: String) {
        bytes.append(UInt8(ascii: "\""))
        var value = value
        value.withUTF8 { source in
            var start = 0
            for index in 0..<source.count where source[index] < 0x20 || source[index] == UInt8(ascii: "\"") || source[index] == UInt8(ascii: "\\") {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start..<index]))
                writeEscaped(source[index])
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: source[start...]))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The escapes of RFC 8785 §3.2.2.2: the short forms where they exist, lower-case hexadecimal elsewhere.
    private mutating func writeEscaped(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10) }
        }
    }
}

/// How numbers are written.
private enum JSONNumber {
    /// The shortest text that reads back as the same number; whole numbers without a fraction.
    static func shortest(_ value: Double) -> String {
        // Past all bounds, as the parser reads it again.
        if value.isInfinite { return value < 0 ? "-1e999" : "1e999" }
        // From 2^54 on, Swift's own description has an exponent and so no fraction either.
        if value == value.rounded(), abs(value) < 0x1p54 { return String(Int64(value)) }
        return "\(value)"
    }
}

extension JSONValue {
    /// This value as compact JSON text.
    package var serialized: String {
        var writer = JSONWriter()
        writer.value(self)
        return writer.text
    }

    /// This value as compact JSON text in UTF-8.
    package var encoded: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}

/// Writes JSON text straight into a byte buffer, without a tree in between.
///
/// The caller opens and closes objects and arrays in matching pairs; commas are the writer's.
package struct JSONWriter: Sendable {
    /// The UTF-8 text so far.
    package internal(set) var bytes: [UInt8] = []
    private var needsComma = false

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

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

    /// Drops the text, and keeps the memory.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// Writes a member's name; its value must follow.
    package mutating func name(_ name: String) {
        var name = name
        name.withUTF8 { _ = self.name(utf8: $0) }
    }

    /// Writes a member's name; its value must follow. Returns where the name lies in `bytes`, with its quotes.
    mutating func name(utf8 name: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        separate()
        let start = bytes.count
        writeQuoted(name)
        defer { bytes.append(UInt8(ascii: ":")) }
        needsComma = false
        return start..<bytes.count
    }

    package mutating func null() { raw("null") }

    package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

    package mutating func integer(_ value: some BinaryInteger) { raw(String(value)) }

    /// Writes the shortest number that reads back the same, as ECMAScript does.
    package mutating func number(_ value: Double) { raw(JSONNumber.text(value)) }

    package mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { string(utf8: $0) }
    }

    /// Writes a string that is given by its UTF-8.
    package mutating func string(utf8 text: UnsafeBufferPointer<UInt8>) {
        separate()
        writeQuoted(text)
        needsComma = true
    }

    /// Writes a fixed part of a text as it is, with all the commas that it needs.
    package mutating func literal(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
        needsComma = false
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

    mutating func open(_ byte: UInt8) {
        separate()
        bytes.append(byte)
        needsComma = false
    }

    mutating func close(_ byte: UInt8) {
        bytes.append(byte)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    /// Writes text between quotes, with the escapes of RFC 8785 §3.2.2.2.
    private mutating func writeQuoted(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        while true {
            let end = text.endOfPlainText(from: start)
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
            guard end < text.count else { break }
            bytes.append(contentsOf: JSONEscape.written(text[end]))
            start = end + 1
        }
        bytes.append(UInt8(ascii: "\""))
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

import EventSourcing
import Glibc
import JSON

/// The order of members' names, given as they stand between their quotes: by UTF-16 code units of what they mean (RFC 8785 §3.2.3).
enum MemberName {
    static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard isPlain(left), isPlain(right) else { return codeUnits(left).lexicographicallyPrecedes(codeUnits(right)) }
        guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else { return left.count < right.count }
        let order = memcmp(leftBase, rightBase, min(left.count, right.count))
        return order == 0 ? left.count < right.count : order < 0
    }

    /// Whether bytes have the order of UTF-16: no escapes, and nothing from U+E000 on, which UTF-16 sorts behind the characters that it writes with surrogates.
    private static func isPlain(_ name: UnsafeRawBufferPointer) -> Bool {
        name.allSatisfy { $0 != UInt8(ascii: "\\") && $0 < 0xEE }
    }

    private static func codeUnits(_ name: UnsafeRawBufferPointer) -> [UInt16] {
        let quoted = [UInt8(ascii: "\"")] + name + [UInt8(ascii: "\"")]
        // Only escapes need reading. What has none is text already, and what is no JSON string either sorts by its own bytes.
        guard name.contains(UInt8(ascii: "\\")), let json = try? quoted.withUnsafeBytes({ try JSONValue.parse($0) }), let text = json.text else {
            return Array(String(decoding: name, as: UTF8.self).utf16)
        }
        return Array(text.utf16)
    }
}

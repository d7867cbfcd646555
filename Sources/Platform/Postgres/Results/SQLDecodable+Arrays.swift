import FoundationEssentials

/// `bytea` for `[UInt8]`, else a one-dimensional array of the element's type. NULL elements need an optional element type.
extension Array: SQLDecodable where Element: SQLArrayElement {
    /// All elements, or nil when one can't be read.
    package static func decode(_ field: SQLField) -> [Element]? { Element.decodeArray(field) }
}

/// A type that can be the element of a decoded array.
package protocol SQLArrayElement {
    /// Reads the whole field.
    static func decodeArray(_ field: SQLField) -> [Self]?
}

extension SQLArrayElement where Self: SQLDecodable {
    /// Header: dimensions, flags, element type, then count and lower bound per dimension, then length and bytes per element.
    package static func decodeArray(_ field: SQLField) -> [Self]? {
        guard let bytes = field.bytes, SQLType.arrays.contains(field.type), bytes.count >= 12 else { return nil }
        let dimensions = bytes.bigEndian(Int32.self)
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.count >= 20 else { return nil }
        let type = bytes.bigEndian(UInt32.self, at: 8)
        let count = Int(bytes.bigEndian(Int32.self, at: 12))
        var elements: [Self] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            let length = Int(bytes.bigEndian(Int32.self, at: offset))
            offset += 4
            let content = length < 0 ? nil : UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            guard let element = Self.decode(SQLField(type: type, bytes: content)) else { return nil }
            elements.append(element)
            offset += max(length, 0)
        }
        return elements
    }
}

extension SQLType {
    static let arrays: Set<UInt32> = [
        boolArray, byteaArray, int2Array, int4Array, textArray, int8Array, timestamptzArray, uuidArray, jsonbArray, 1015, 199, 1003, 1022,
    ]
}

extension UInt8: SQLArrayElement {
    /// `bytea`
    package static func decodeArray(_ field: SQLField) -> [UInt8]? {
        guard field.type == SQLType.bytea, let bytes = field.bytes else { return nil }
        return [UInt8](bytes)
    }
}

extension Bool: SQLArrayElement {}
extension Int16: SQLArrayElement {}
extension Int32: SQLArrayElement {}
extension Int64: SQLArrayElement {}
extension Int: SQLArrayElement {}
extension Double: SQLArrayElement {}
extension String: SQLArrayElement {}
extension UUID: SQLArrayElement {}
extension Array: SQLArrayElement where Element == UInt8 {}
extension Optional: SQLArrayElement where Wrapped: SQLDecodable {}

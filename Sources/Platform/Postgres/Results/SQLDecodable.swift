package import FoundationEssentials

/// One field as it came over the wire. Valid only while its result lives.
package struct SQLField {
    /// The PostgreSQL type's object identifier.
    package let type: UInt32
    /// Binary form, nil for NULL.
    package let bytes: UnsafeRawBufferPointer?

    /// The bytes without `jsonb`'s version.
    var content: UnsafeRawBufferPointer? {
        guard type == SQLType.jsonb, let bytes, !bytes.isEmpty else { return bytes }
        return UnsafeRawBufferPointer(rebasing: bytes[1...])
    }
}

/// A type a column can be read as.
package protocol SQLDecodable {
    /// The value, or nil when the field is NULL or of another type.
    static func decode(_ field: SQLField) -> Self?
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    /// NULL is nil; another type is still a failure.
    package static func decode(_ field: SQLField) -> Wrapped?? {
        if field.bytes == nil { return .some(nil) }
        return Wrapped.decode(field).map { .some($0) }
    }
}

extension UnsafeRawBufferPointer {
    func bigEndian<T: FixedWidthInteger>(_ type: T.Type, at offset: Int = 0) -> T {
        T(bigEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

extension SQLField {
    /// Any integer type that fits without loss.
    fileprivate func integer<T: FixedWidthInteger>(_: T.Type) -> T? {
        guard let bytes else { return nil }
        return switch type {
        case SQLType.int2: T(exactly: bytes.bigEndian(Int16.self))
        case SQLType.int4: T(exactly: bytes.bigEndian(Int32.self))
        case SQLType.int8: T(exactly: bytes.bigEndian(Int64.self))
        case SQLType.oid: T(exactly: bytes.bigEndian(UInt32.self))
        default: nil
        }
    }
}

extension Bool: SQLDecodable {
    /// `bool`
    package static func decode(_ field: SQLField) -> Bool? { field.type == SQLType.bool ? field.bytes.map { $0[0] != 0 } : nil }
}

extension Int16: SQLDecodable {
    /// `int2`; wider columns when the value fits.
    package static func decode(_ field: SQLField) -> Int16? { field.integer(Int16.self) }
}

extension Int32: SQLDecodable {
    /// `int2`, `int4`; wider columns when the value fits.
    package static func decode(_ field: SQLField) -> Int32? { field.integer(Int32.self) }
}

extension Int64: SQLDecodable {
    /// `int2`, `int4`, `int8`
    package static func decode(_ field: SQLField) -> Int64? { field.integer(Int64.self) }
}

extension Int: SQLDecodable {
    /// `int2`, `int4`, `int8`
    package static func decode(_ field: SQLField) -> Int? { field.integer(Int.self) }
}

extension Double: SQLDecodable {
    /// `float8`, `float4`
    package static func decode(_ field: SQLField) -> Double? {
        guard let bytes = field.bytes else { return nil }
        return switch field.type {
        case SQLType.float8: Double(bitPattern: bytes.bigEndian(UInt64.self))
        case SQLType.float4: Double(Float(bitPattern: bytes.bigEndian(UInt32.self)))
        default: nil
        }
    }
}

extension String: SQLDecodable {
    /// `text`, `varchar`, `char`, `name`, `json`, `jsonb`
    package static func decode(_ field: SQLField) -> String? {
        guard let content = field.content else { return nil }
        return switch field.type {
        case SQLType.text, SQLType.varchar, SQLType.bpchar, SQLType.name, SQLType.char, SQLType.json, SQLType.jsonb, SQLType.unknown:
            String(decoding: content, as: UTF8.self)
        default: nil
        }
    }
}

extension UUID: SQLDecodable {
    /// `uuid`
    package static func decode(_ field: SQLField) -> UUID? {
        guard field.type == SQLType.uuid, let bytes = field.bytes, bytes.count == 16 else { return nil }
        return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
}

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

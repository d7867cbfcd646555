package import FoundationEssentials

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

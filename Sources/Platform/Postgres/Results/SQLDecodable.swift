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

package import FoundationEssentials

/// The scalars again, NULL for nil.
extension SQLValue {
    /// `bool` or NULL.
    package static func bool(optional value: Bool?) -> SQLValue { value.map(SQLValue.bool) ?? .null }
    /// `int2` or NULL.
    package static func int2(optional value: Int16?) -> SQLValue { value.map(SQLValue.int2) ?? .null }
    /// `int4` or NULL.
    package static func int4(optional value: Int32?) -> SQLValue { value.map(SQLValue.int4) ?? .null }
    /// `int8` or NULL.
    package static func int8(optional value: Int64?) -> SQLValue { value.map(SQLValue.int8) ?? .null }
    /// `float8` or NULL.
    package static func double(optional value: Double?) -> SQLValue { value.map(SQLValue.double) ?? .null }
    /// `text` or NULL.
    package static func text(optional value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    /// `bytea` or NULL.
    package static func bytes(optional value: [UInt8]?) -> SQLValue { value.map(SQLValue.bytes) ?? .null }
    /// `uuid` or NULL.
    package static func uuid(optional value: UUID?) -> SQLValue { value.map(SQLValue.uuid) ?? .null }
    /// `timestamptz` or NULL.
    package static func timestamp(optional value: Int64?) -> SQLValue { value.map(SQLValue.timestamp) ?? .null }
    /// `jsonb` or NULL.
    package static func jsonb(optional value: String?) -> SQLValue { value.map(SQLValue.jsonb) ?? .null }
}

package import FoundationEssentials

/// A value to bind. It carries its PostgreSQL type, and goes over the wire in binary.
package enum SQLValue: Sendable, Hashable {
    /// NULL of the type that the statement wants.
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case double(Double)
    /// `text`. A NUL character can't be stored and is refused before anything is sent.
    case text(String)
    case bytes([UInt8])
    case uuid(UUID)
    /// `timestamptz` in milliseconds since 1970 UTC; `Int64.max` and `.min` are `infinity` and `-infinity`.
    case timestamp(Int64)
    /// `jsonb` from JSON text.
    case jsonb(String)
    case texts([String?])
    case int2s([Int16?])
    case int4s([Int32?])
    case int8s([Int64?])
    case uuids([UUID?])
    case byteas([[UInt8]?])
    case jsonbs([String?])
    case timestamps([Int64?])
    case bools([Bool?])
}

/// The scalars again, NULL for nil.
extension SQLValue {
    package static func bool(optional value: Bool?) -> SQLValue { value.map(SQLValue.bool) ?? .null }
    package static func int4(optional value: Int32?) -> SQLValue { value.map(SQLValue.int4) ?? .null }
    package static func int8(optional value: Int64?) -> SQLValue { value.map(SQLValue.int8) ?? .null }
    package static func text(optional value: String?) -> SQLValue { value.map(SQLValue.text) ?? .null }
    package static func bytes(optional value: [UInt8]?) -> SQLValue { value.map(SQLValue.bytes) ?? .null }
    package static func uuid(optional value: UUID?) -> SQLValue { value.map(SQLValue.uuid) ?? .null }
    package static func timestamp(optional value: Int64?) -> SQLValue { value.map(SQLValue.timestamp) ?? .null }
    package static func jsonb(optional value: String?) -> SQLValue { value.map(SQLValue.jsonb) ?? .null }
    package static func texts(optional value: [String]?) -> SQLValue { value.map { .texts($0) } ?? .null }
}

/// PostgreSQL counts microseconds from 2000-01-01 UTC, with the two ends of `Int64` for infinity.
enum PostgresTime {
    private static let epochInMilliseconds: Int64 = 946_684_800_000

    /// Wire value of a time in milliseconds since 1970; nil when it is out of range.
    static func microseconds(fromMilliseconds milliseconds: Int64) -> Int64? {
        if milliseconds == .max || milliseconds == .min { return milliseconds }
        let (shifted, underflow) = milliseconds.subtractingReportingOverflow(epochInMilliseconds)
        let (scaled, overflow) = shifted.multipliedReportingOverflow(by: 1000)
        return underflow || overflow ? nil : scaled
    }

    /// Milliseconds since 1970, rounded down; infinities stay the ends of `Int64`.
    static func milliseconds(fromMicroseconds microseconds: Int64) -> Int64 {
        if microseconds == .max || microseconds == .min { return microseconds }
        let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1000)
        return (remainder < 0 ? quotient - 1 : quotient) + epochInMilliseconds
    }
}

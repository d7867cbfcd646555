package import FoundationEssentials

/// A value to bind. It carries its PostgreSQL type, and goes over the wire in binary.
package enum SQLValue: Sendable, Equatable {
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

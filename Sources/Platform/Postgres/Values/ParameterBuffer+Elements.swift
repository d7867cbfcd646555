import FoundationEssentials
import Glibc

/// How one value is written.
extension ParameterBuffer {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(uuid value: UUID) {
        withUnsafeBytes(of: value.uuid) { bytes.append(contentsOf: $0) }
    }

    mutating func append(milliseconds value: Int64) throws(PostgresError) {
        guard let microseconds = PostgresTime.microseconds(fromMilliseconds: value) else {
            throw PostgresError(.configuration, "a time is out of PostgreSQL's range")
        }
        append(bigEndian: microseconds)
    }

    /// Refuses NUL: PostgreSQL can't store it, and its own error would come only after the statement was sent.
    mutating func append(text value: String) throws(PostgresError) {
        var value = value
        let hasNUL = value.withUTF8 { utf8 in
            guard let base = utf8.baseAddress, memchr(base, 0, utf8.count) == nil else { return utf8.baseAddress != nil }
            bytes.append(contentsOf: utf8)
            return false
        }
        if hasNUL { throw PostgresError(.configuration, "a text value contains the NUL character, which PostgreSQL can't store") }
    }

    /// The binary form of `jsonb` is a version, always 1, and the text.
    mutating func append(jsonb value: String) throws(PostgresError) {
        bytes.append(1)
        try append(text: value)
    }

    /// One dimension, lower bound 1. An empty array has no dimension at all.
    mutating func appendArray<Element>(
        _ values: [Element?], of type: UInt32, _ element: (inout ParameterBuffer, Element) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        append(bigEndian: Int32(values.isEmpty ? 0 : 1))
        append(bigEndian: Int32(values.contains { $0 == nil } ? 1 : 0))
        append(bigEndian: type)
        guard !values.isEmpty else { return }
        guard let count = Int32(exactly: values.count) else { throw PostgresError(.configuration, "an array has too many elements") }
        append(bigEndian: count)
        append(bigEndian: Int32(1))
        for value in values {
            let lengthAt = bytes.count
            append(bigEndian: Int32(-1))
            guard let value else { continue }
            try element(&self, value)
            guard let length = Int32(exactly: bytes.count - lengthAt - 4) else { throw PostgresError(.configuration, "a value is larger than 2 GiB") }
            withUnsafeBytes(of: length.bigEndian) { bytes.replaceSubrange(lengthAt..<lengthAt + 4, with: $0) }
        }
    }
}

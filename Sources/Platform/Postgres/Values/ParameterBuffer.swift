import FoundationEssentials
import Glibc

/// The binary form of the values of one or more queries in one run of memory.
///
/// libpq copies parameters before it returns, so each connection keeps one buffer and a query costs no allocation once it has grown.
struct ParameterBuffer {
    /// Starts with one byte so that an empty value still has an address: for libpq a null pointer is NULL.
    var bytes: [UInt8] = [0]
    private(set) var types: [UInt32] = []
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var pointers: [UnsafePointer<CChar>?] = []
    private var formats: [Int32] = []

    /// Forgets the values, keeps the memory unless a giant has passed through.
    mutating func reset() {
        if bytes.capacity > 1 << 20 { bytes = [0] } else { bytes.removeSubrange(1...) }
        types.removeAll(keepingCapacity: true)
        offsets.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
    }

    /// Adds the values of one query; throws `.configuration` when one can't be sent.
    mutating func append(_ values: [SQLValue]) throws(PostgresError) {
        guard values.count <= UInt16.max else { throw PostgresError(.configuration, "a statement takes at most 65535 values, not \(values.count)") }
        for value in values {
            let start = bytes.count
            types.append(value.type)
            offsets.append(start)
            if case .null = value {
                lengths.append(-1)
            } else {
                try encode(value)
                guard let length = Int32(exactly: bytes.count - start) else { throw PostgresError(.configuration, "a value is larger than 2 GiB") }
                lengths.append(length)
            }
        }
    }

    /// Hands the parameters of the query whose first value is number `first` to a libpq call.
    mutating func withParameters<R>(
        from first: Int,
        _ body: (
            _ types: UnsafePointer<UInt32>?, _ values: UnsafePointer<UnsafePointer<CChar>?>?, _ lengths: UnsafePointer<Int32>?,
            _ formats: UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        while formats.count < types.count { formats.append(1) }
        return bytes.withUnsafeBufferPointer { storage in
            let base = UnsafeRawPointer(storage.baseAddress)?.assumingMemoryBound(to: CChar.self)
            pointers.removeAll(keepingCapacity: true)
            for index in first..<offsets.count { pointers.append(lengths[index] < 0 ? nil : base.map { $0 + offsets[index] }) }
            return types.withUnsafeBufferPointer { types in
                lengths.withUnsafeBufferPointer { lengths in
                    pointers.withUnsafeBufferPointer { pointers in
                        formats.withUnsafeBufferPointer { formats in
                            body(
                                types.baseAddress.map { $0 + first }, pointers.baseAddress, lengths.baseAddress.map { $0 + first },
                                formats.baseAddress)
                        }
                    }
                }
            }
        }
    }

    private mutating func encode(_ value: SQLValue) throws(PostgresError) {
        switch value {
        case .null: break
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .int2(let value): append(bigEndian: value)
        case .int4(let value): append(bigEndian: value)
        case .int8(let value): append(bigEndian: value)
        case .double(let value): append(bigEndian: value.bitPattern)
        case .text(let value): try append(text: value)
        case .bytes(let value): bytes.append(contentsOf: value)
        case .uuid(let value): append(uuid: value)
        case .timestamp(let value): try append(milliseconds: value)
        case .jsonb(let value): try append(jsonb: value)
        case .texts(let values): try appendArray(values, of: SQLType.text) { (buffer, value) throws(PostgresError) in try buffer.append(text: value) }
        case .int2s(let values):
            try appendArray(values, of: SQLType.int2) { (buffer, value) throws(PostgresError) in buffer.append(bigEndian: value) }
        case .int4s(let values):
            try appendArray(values, of: SQLType.int4) { (buffer, value) throws(PostgresError) in buffer.append(bigEndian: value) }
        case .int8s(let values):
            try appendArray(values, of: SQLType.int8) { (buffer, value) throws(PostgresError) in buffer.append(bigEndian: value) }
        case .uuids(let values): try appendArray(values, of: SQLType.uuid) { (buffer, value) throws(PostgresError) in buffer.append(uuid: value) }
        case .byteas(let values):
            try appendArray(values, of: SQLType.bytea) { (buffer, value) throws(PostgresError) in buffer.bytes.append(contentsOf: value) }
        case .jsonbs(let values):
            try appendArray(values, of: SQLType.jsonb) { (buffer, value) throws(PostgresError) in try buffer.append(jsonb: value) }
        case .timestamps(let values):
            try appendArray(values, of: SQLType.timestamptz) { (buffer, value) throws(PostgresError) in try buffer.append(milliseconds: value) }
        case .bools(let values):
            try appendArray(values, of: SQLType.bool) { (buffer, value) throws(PostgresError) in buffer.bytes.append(value ? 1 : 0) }
        }
    }
}

/// How one value is written.
extension ParameterBuffer {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func append(uuid value: UUID) { withUnsafeBytes(of: value.uuid) { bytes.append(contentsOf: $0) } }

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

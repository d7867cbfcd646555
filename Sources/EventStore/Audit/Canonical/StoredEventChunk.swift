import FoundationEssentials

/// Some whole rows of the log, in the binary form of COPY, about 64 KiB of them.
package struct StoredEventChunk: StoredEventRows {
    private let bytes: [UInt8]
    private let start: Int

    /// - Parameter start: where the first row begins.
    init(_ bytes: [UInt8], from start: Int) {
        self.bytes = bytes
        self.start = start
    }

    /// What COPY begins with: signature, flags, and an extension of the length that its last four bytes say.
    static func headerLength(of bytes: [UInt8]) throws(CanonicalFormError) -> Int {
        guard bytes.count >= 19, bytes[0..<11].elementsEqual([0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]) else {
            throw .malformed
        }
        let length = bytes.withUnsafeBytes { Int(UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: 15, as: UInt32.self))) }
        return 19 + length
    }

    /// Calls `body` with each event in order; returns the last one's position, nil when there is none. Rows are valid only inside `body`.
    @discardableResult
    package func forEach(_ body: (StoredEventRow) throws -> Void) throws -> Int64? {
        try bytes.withUnsafeBytes { bytes in
            var fields = CopyFields(bytes, from: start)
            var last: Int64?
            while try fields.beginRow() {
                let event = try fields.event()
                last = event.position
                try body(event)
            }
            return last
        }
    }
}

/// The fields of COPY's binary form, read one after the other.
private struct CopyFields {
    private let bytes: UnsafeRawBufferPointer
    private var place: Int

    init(_ bytes: UnsafeRawBufferPointer, from place: Int) {
        self.bytes = bytes
        self.place = place
    }

    /// False at the end of the bytes or of the COPY.
    mutating func beginRow() throws(CanonicalFormError) -> Bool {
        if place == bytes.count { return false }
        let count: Int16 = try integer(at: place)
        place += 2
        if count == -1 { return false }
        guard count == 9 else { throw .malformed }
        return true
    }

    mutating func event() throws(CanonicalFormError) -> StoredEventRow {
        let position: Int64 = try fixed(0, "position")
        return StoredEventRow(
            position: position, stream: try field(position, "stream"), version: try fixed(position, "version"), id: try id(position),
            type: try field(position, "type"), schemaVersion: try fixed(position, "schema_version"), data: try json(position, "data"),
            metadata: try json(position, "metadata"), recordedAt: try fixed(position, "recorded_at"))
    }

    private func integer<Value: FixedWidthInteger>(at place: Int) throws(CanonicalFormError) -> Value {
        guard place >= 0, place + MemoryLayout<Value>.size <= bytes.count else { throw .malformed }
        return Value(bigEndian: bytes.loadUnaligned(fromByteOffset: place, as: Value.self))
    }

    private mutating func field(_ position: Int64, _ column: String) throws(CanonicalFormError) -> UnsafeRawBufferPointer {
        let length: Int32 = try integer(at: place)
        let start = place + 4
        guard length >= 0, start + Int(length) <= bytes.count else { throw .malformedEvent(position: position, column: column) }
        place = start + Int(length)
        return UnsafeRawBufferPointer(rebasing: bytes[start..<place])
    }

    private mutating func fixed<Value: FixedWidthInteger>(_ position: Int64, _ column: String) throws(CanonicalFormError) -> Value {
        let field = try field(position, column)
        guard field.count == MemoryLayout<Value>.size else { throw .malformedEvent(position: position, column: column) }
        return Value(bigEndian: field.loadUnaligned(as: Value.self))
    }

    private mutating func id(_ position: Int64) throws(CanonicalFormError) -> UUID {
        let field = try field(position, "id")
        guard field.count == 16 else { throw .malformedEvent(position: position, column: "id") }
        return UUID(uuid: field.loadUnaligned(as: uuid_t.self))
    }

    /// `jsonb` in binary is a version byte, and its text.
    private mutating func json(_ position: Int64, _ column: String) throws(CanonicalFormError) -> UnsafeRawBufferPointer {
        let field = try field(position, column)
        guard field.first == 1 else { throw .malformedEvent(position: position, column: column) }
        return UnsafeRawBufferPointer(rebasing: field.dropFirst())
    }
}

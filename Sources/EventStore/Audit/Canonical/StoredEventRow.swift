package import EventSourcing
package import FoundationEssentials

/// One row of `log.events` as it is stored, in place in the bytes that came from the database. Valid only while those are.
package struct StoredEventRow {
    package let position: Int64
    package let stream: UnsafeRawBufferPointer
    package let version: Int32
    package let id: UUID
    package let type: UnsafeRawBufferPointer
    package let schemaVersion: Int16
    /// The text of the `jsonb`.
    package let data: UnsafeRawBufferPointer
    /// The text of the `jsonb`.
    package let metadata: UnsafeRawBufferPointer
    /// Microseconds since 2000-01-01T00:00:00Z, as PostgreSQL counts.
    package let recordedAt: Int64

    package init(
        position: Int64, stream: UnsafeRawBufferPointer, version: Int32, id: UUID, type: UnsafeRawBufferPointer, schemaVersion: Int16,
        data: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer, recordedAt: Int64
    ) {
        self.position = position
        self.stream = stream
        self.version = version
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.data = data
        self.metadata = metadata
        self.recordedAt = recordedAt
    }

    /// When the log took it.
    package var recordedTime: Timestamp { Timestamp(milliseconds: recordedAt.quotientDown(1000) + Self.epoch) }

    /// Milliseconds from 1970 to PostgreSQL's epoch.
    private static let epoch: Int64 = 946_684_800_000
    /// What RFC 3339 can name: the years 1 to 9999.
    private static let nameable: ClosedRange<Int64> = -63_082_281_600_000_000...252_455_615_999_999_999

    /// The moment in RFC 3339 with milliseconds; with microseconds where it has some, which the log itself never writes. What no calendar names is a bare number.
    fileprivate var recordedAtText: String {
        guard Self.nameable.contains(recordedAt) else { return "\(recordedAt)" }
        let microseconds = recordedAt - recordedAt.quotientDown(1000) * 1000
        if microseconds == 0 { return recordedTime.description }
        return "\(recordedTime.description.dropLast())\(String(microseconds + 1000).dropFirst())Z"
    }
}

extension CanonicalJSON {
    /// Writes the event's canonical JSON: one object with the members `data`, `id`, `metadata`, `position`, `recordedAt`, `schemaVersion`, `stream`, `type` and
    /// `version`. Each column of the log is in it, so nothing of an event can change without changing this text, but how a number in `data` or `metadata` is written: `1` and
    /// `1.0` are one number, and have one text.
    ///
    /// Throws `malformedEvent` and `inexactNumber`; what was written of the event by then stays.
    package mutating func append(_ event: StoredEventRow) throws(CanonicalFormError) {
        isInexact = false
        append("{\"data\":")
        try append(event.data, of: event, column: "data")
        append(",\"id\":\"")
        bytes.append(contentsOf: event.id.lowercased.utf8)
        append("\",\"metadata\":")
        try append(event.metadata, of: event, column: "metadata")
        append(",\"position\":")
        append(integer: event.position)
        append(",\"recordedAt\":\"")
        bytes.append(contentsOf: event.recordedAtText.utf8)
        append("\",\"schemaVersion\":")
        append(integer: Int64(event.schemaVersion))
        append(",\"stream\":")
        append(string: event.stream)
        append(",\"type\":")
        append(string: event.type)
        append(",\"version\":")
        append(integer: Int64(event.version))
        append(UInt8(ascii: "}"))
        if isInexact { throw .inexactNumber(position: event.position) }
    }

    private mutating func append(_ json: UnsafeRawBufferPointer, of event: StoredEventRow, column: String) throws(CanonicalFormError) {
        do {
            try append(json: json)
        } catch {
            throw .malformedEvent(position: event.position, column: column)
        }
    }
}

extension Int64 {
    fileprivate func quotientDown(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self + 1) / divisor - 1
    }
}

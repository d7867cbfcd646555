package import EventSourcing
package import FoundationEssentials
import JSON
import Postgres

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

    /// Reads nine columns: position, stream, version, id, type, schema_version, data, metadata, recorded_at.
    static func read(_ row: Row, _ body: (StoredEventRow) throws -> Void) throws {
        let position: Int64 = try row.get(0)
        for (column, name) in columns where row.isNull(column) { throw CanonicalFormError.malformedEvent(position: position, column: name) }
        let version: Int32 = try row.get(2)
        let id: UUID = try row.get(3)
        let schemaVersion: Int16 = try row.get(5)
        let recordedAt = row.withBytes(8) { Int64(bigEndian: $0.loadUnaligned(as: Int64.self)) }
        try row.withBytes(1) { stream in
            try row.withBytes(4) { type in
                try row.withBytes(6) { data in
                    try row.withBytes(7) { metadata in
                        try body(
                            StoredEventRow(
                                position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data,
                                metadata: metadata, recordedAt: recordedAt))
                    }
                }
            }
        }
    }

    private static let columns = [
        (1, "stream"), (2, "version"), (3, "id"), (4, "type"), (5, "schema_version"), (6, "data"), (7, "metadata"), (8, "recorded_at"),
    ]

    /// When the log took it.
    package var recordedTime: Timestamp { Timestamp(milliseconds: recordedAt.quotientDown(1000) + Self.epoch) }

    /// Milliseconds from 1970 to PostgreSQL's epoch.
    private static let epoch: Int64 = 946_684_800_000
    /// The moments that RFC 3339 can name: the years 1 to 9999.
    private static let nameable: ClosedRange<Int64> = -63_082_281_600_000_000...252_455_615_999_999_999

    /// The moment in RFC 3339 with milliseconds; with microseconds where it has some, which the log itself never writes. A moment outside the
    /// calendar is a bare number.
    var recordedAtText: String {
        guard Self.nameable.contains(recordedAt) else { return "\(recordedAt)" }
        let microseconds = recordedAt - recordedAt.quotientDown(1000) * 1000
        if microseconds == 0 { return recordedTime.description }
        return "\(recordedTime.description.dropLast())\(String(microseconds + 1000).dropFirst())Z"
    }
}

extension Int64 {
    fileprivate func quotientDown(_ divisor: Int64) -> Int64 { self >= 0 ? self / divisor : (self + 1) / divisor - 1 }
}

extension RecordedEvent {
    /// The event as it is stored: personal parts sealed, data in the version it was written in. Throws `EventStoreError.broken` when it does not have
    /// the log's form, or has more metadata than this program can show: no part of an event is left out in silence.
    package init(stored row: StoredEventRow) throws {
        guard let stream = StreamName(String(decoding: row.stream, as: UTF8.self)), let data = try? JSONValue.parse(in: row.data).members,
            let members = try? JSONValue.parse(in: row.metadata).members, let metadata = EventMetadata(json: members)
        else { throw EventStoreError.broken(reason: "the event at position \(row.position) does not have the log's form") }
        // The members that it has read stand under the same names as before.
        guard metadata.json.list.count == members.list.count else {
            let unread = members.names.filter { metadata.json[$0] == nil }
            throw EventStoreError.broken(
                reason: "the metadata of the event at position \(row.position) have members that this program does not know in this form: "
                    + unread.map(\.escapingControls).joined(separator: ", "))
        }
        self.init(
            position: row.position, stream: stream, version: Int(row.version), id: row.id, type: String(decoding: row.type, as: UTF8.self),
            schemaVersion: Int(row.schemaVersion), data: data, metadata: metadata, recordedAt: row.recordedTime)
    }
}

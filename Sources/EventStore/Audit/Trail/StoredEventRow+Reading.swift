package import EventSourcing
import FoundationEssentials
import JSON
import Postgres

extension StoredEventRow {
    /// Reads nine columns: position, stream, version, id, type, schema_version, data, metadata, recorded_at.
    static func read(_ row: Row, _ body: (StoredEventRow) throws -> Void) throws {
        let position: Int64 = try row.get(0)
        let version: Int32 = try row.get(2)
        let id: UUID = try row.get(3)
        let schemaVersion: Int16 = try row.get(5)
        for (column, name) in [(1, "stream"), (4, "type"), (6, "data"), (7, "metadata"), (8, "recorded_at")] where row.isNull(column) {
            throw CanonicalFormError.malformedEvent(position: position, column: name)
        }
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
}

extension RecordedEvent {
    /// The event as it is stored: personal parts sealed, data in the version it was written in. Throws `EventStoreError.broken` when it does not have the log's form, or
    /// more metadata than this program can show: nothing of an event is left out in silence.
    package init(stored row: StoredEventRow) throws {
        guard let stream = StreamName(String(decoding: row.stream, as: UTF8.self)), let data = try? JSONValue.parse(row.data).members,
            let members = try? JSONValue.parse(row.metadata).members, let metadata = EventMetadata(json: members)
        else { throw EventStoreError.broken(reason: "the event at position \(row.position) does not have the log's form") }
        // What it has read stands under the same names as before.
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

import EventSourcing
import FoundationEssentials
import JSON
import Postgres

/// One row of the log as it is stored: personal parts sealed, data in the form it was written in.
struct StoredEvent: Sendable {
    let position: Int64
    let stream: StreamName
    let version: Int
    let id: UUID
    let type: String
    let schemaVersion: Int
    let data: JSONObject
    let metadata: EventMetadata
    let recordedAt: Timestamp
}

extension StoredEvent {
    /// Reads nine columns from `column` on: position, stream, version, id, type, schema_version, data, metadata, recorded_at.
    init(_ row: Row, from column: Int) throws {
        let position: Int64 = try row.get(column)
        let data = try row.withBytes(column + 6) { try JSONValue.parse(in: $0) }
        guard let stream = row.withBytes(column + 1, { StreamName(utf8: $0) }), let data = data.members,
            let metadata = row.withBytes(column + 7, { EventMetadata(storedAs: $0) })
        else { throw EventStoreError.broken(reason: "the event at position \(position) does not have the log's form") }
        self.init(
            position: position, stream: stream, version: Int(try row.get(column + 2, as: Int32.self)), id: try row.get(column + 3),
            type: try row.get(column + 4), schemaVersion: Int(try row.get(column + 5, as: Int16.self)), data: data, metadata: metadata,
            recordedAt: Timestamp(milliseconds: try row.milliseconds(column + 8)))
    }

    /// This event with its data as a reader gets them.
    func recorded(schemaVersion: Int, data: JSONObject, unopened: Set<String> = []) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data, metadata: metadata,
            recordedAt: recordedAt, unopened: unopened)
    }
}

extension CommandReceipt {
    /// Reads six columns: digest, stream, version, first_position, last_position, recorded_at.
    init(row: Row, id: UUID) throws {
        guard let stream = StreamName(try row.get(1, as: String.self)) else {
            throw EventStoreError.broken(reason: "the receipt of command \(id.lowercased) names no stream")
        }
        self.init(
            key: Key(id: id, digest: try row.get(0)), stream: stream, version: Int(try row.get(2, as: Int32.self)), firstPosition: try row.get(3),
            lastPosition: try row.get(4), recordedAt: Timestamp(milliseconds: try row.milliseconds(5)))
    }
}

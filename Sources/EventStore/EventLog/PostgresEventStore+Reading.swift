package import EventSourcing
import FoundationEssentials
import JSON
import Postgres

/// Reads of parts, forwards and backwards. Each page is one statement, and so one snapshot.
extension PostgresEventStore {
    package func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] {
        guard let versions = try await versions(of: part) else { return [] }
        let values: [SQLValue] = [
            .text(part.stream.description), .int4(Int32(clamping: versions.lowerBound)), .int4(Int32(clamping: versions.upperBound)),
            .int8(Int64(limit)), .texts(optional: part.types?.sorted()), .text(optional: part.field), .int8(Int64(part.bytes)),
        ]
        return try await opened(reading { try await pool.query(.readStream(part.direction), values) }.map { try RecordedEvent(stored: $0) })
    }

    package func read(_ part: LogRead, limit: Int) async throws -> LogPage {
        if let types = catalog.types(of: part.filter) { return try await read(part, types: types, limit: limit) }
        let values = part.bounds + [.int8(Int64(limit))]
        let page = try StoredPage(await reading { try await pool.query(.readLog(part.direction), values) }, limit: limit)
        let events = try await opened(page.events)
        // Nothing was left out, so the head is the last event seen.
        return LogPage(events, of: part, limit: page.limit, head: events.last?.position ?? 0)
    }

    private func read(_ part: LogRead, types: [String], limit: Int) async throws -> LogPage {
        let values = part.bounds + [.texts(types), .int8(Int64(limit))]
        switch part.direction {
        case .forwards:
            let rows = try await reading { try await pool.query(.readTypesForwards, values) }
            let head: Int64 = try rows.first?.get(0) ?? 0
            let page = try StoredPage(rows.filter { !$0.isNull(1) }, from: 1, limit: limit)
            return LogPage(try await opened(page.events), of: part, limit: page.limit, head: head)
        case .backwards:
            let page = try StoredPage(await reading { try await pool.query(.readTypesBackwards, values) }, limit: limit)
            return LogPage(try await opened(page.events), of: part, limit: page.limit, head: part.positions.upperBound)
        }
    }

    /// The versions recorded up to the read's `until` time. Nil if that is before the first.
    private func versions(of part: StreamRead) async throws -> ClosedRange<Int>? {
        guard let until = part.until else { return part.versions }
        let rows = try await reading { try await pool.query(.streamVersionAt, [.text(part.stream.description), .timestamp(until.milliseconds)]) }
        let last = try rows.first.map { Int(try $0.get(0, as: Int32.self)) } ?? 0
        return last < part.versions.lowerBound ? nil : part.versions.lowerBound...min(last, part.versions.upperBound)
    }
}

extension LogRead {
    fileprivate var bounds: [SQLValue] { [.int8(positions.lowerBound), .int8(positions.upperBound)] }
}

extension PostgresEventStore {
    /// Events that were read elsewhere in their stored form, as this store's own readers get them: personal fields opened, or null where their key is
    /// destroyed or not at hand; data in its type's newest version. One query at most for the keys. Throws `UnknownEvent` for a type or version that
    /// this program does not know.
    package func open(_ stored: [RecordedEvent]) async throws -> [RecordedEvent] { try await opened(stored) }
}

extension RecordedEvent {
    /// Reads one row of the log as it is stored, nine columns from `column` on: position, stream, version, id, type, schema_version, data, metadata,
    /// recorded_at.
    init(stored row: Row, from column: Int = 0) throws {
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

/// The events of one look at the log, as they are stored.
struct StoredPage {
    let events: [RecordedEvent]
    /// How many events the look had room for. As many as there are when bytes have filled it.
    let limit: Int

    /// Reads the columns of `Statement.page` from `column` on.
    init(_ rows: some Sequence<Row>, from column: Int = 0, limit: Int) throws {
        var events: [RecordedEvent] = []
        var isEnd = true
        for row in rows {
            events.append(try RecordedEvent(stored: row, from: column))
            isEnd = try row.get(column + 9)
        }
        self.events = events
        self.limit = isEnd ? limit : events.count
    }

    /// Whether nothing more is there.
    var isLast: Bool { events.count < limit }
}

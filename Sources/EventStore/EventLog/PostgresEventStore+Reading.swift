package import EventSourcing
import Postgres

/// Reads of parts, forwards and backwards. Each page is one statement, and so one snapshot.
extension PostgresEventStore {
    package func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] {
        guard let versions = try await versions(of: part) else { return [] }
        let statement: Statement =
            switch part.direction {
            case .forwards: .readStreamForwards
            case .backwards: .readStreamBackwards
            }
        return try await opened(
            reading {
                try await pool.query(
                    statement,
                    [
                        .text(part.stream.description), .int4(Int32(clamping: versions.lowerBound)), .int4(Int32(clamping: versions.upperBound)),
                        .int8(Int64(limit)), part.types.map { .texts($0.sorted()) } ?? .null, part.field.map { .text($0) } ?? .null,
                    ])
            }.map { try StoredEvent($0, from: 0) })
    }

    package func read(_ part: LogRead, limit: Int) async throws -> LogPage {
        if let types = catalog.types(of: part.filter) { return try await read(part, types: types, limit: limit) }
        let statement: Statement =
            switch part.direction {
            case .forwards: .readLogForwards
            case .backwards: .readLogBackwards
            }
        let events = try await opened(
            reading { try await pool.query(statement, part.bounds + [.int8(Int64(limit))]) }.map { try StoredEvent($0, from: 0) })
        // Nothing was left out, so the head is the last event seen.
        return LogPage(events, of: part, limit: limit, head: events.last?.position ?? 0)
    }

    private func read(_ part: LogRead, types: [String], limit: Int) async throws -> LogPage {
        let values = part.bounds + [.texts(types), .int8(Int64(limit))]
        switch part.direction {
        case .forwards:
            let rows = try await reading { try await pool.query(.readTypesForwards, values) }
            let head: Int64 = try rows.first?.get(0) ?? 0
            let events = try await opened(rows.filter { !$0.isNull(1) }.map { try StoredEvent($0, from: 1) })
            return LogPage(events, of: part, limit: limit, head: head)
        case .backwards:
            let events = try await opened(reading { try await pool.query(.readTypesBackwards, values) }.map { try StoredEvent($0, from: 0) })
            return LogPage(events, of: part, limit: limit, head: part.positions.upperBound)
        }
    }

    /// The versions to look at once a read's moment is taken for what it is: the end of a beginning of the stream. Nil when it is before them all.
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
    package func open(_ stored: [RecordedEvent]) async throws -> [RecordedEvent] {
        try await opened(stored.map(StoredEvent.init(recorded:)))
    }
}

extension StoredEvent {
    fileprivate init(recorded event: RecordedEvent) {
        self.init(
            position: event.position, stream: event.stream, version: event.version, id: event.id, type: event.type,
            schemaVersion: event.schemaVersion, data: event.data, metadata: event.metadata, recordedAt: event.recordedAt)
    }
}

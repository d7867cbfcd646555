package import EventSourcing
package import FoundationEssentials
import Postgres

/// Reads of what imports brought.
extension PostgresEventStore {
    /// The streams that imports wrote to, with all their events since, by name. Cost grows with what was imported, not with the log.
    package func importedStreams() async throws -> [ImportedStream] {
        var streams: [ImportedStream] = []
        while true {
            let last = streams.last?.name.description ?? ""
            let rows = try await reading { try await pool.query(.importedStreams, [.text(last), .int8(1000)]) }
            guard rows.first != nil else { return streams }
            for row in rows {
                let text: String = try row.get(1)
                guard let name = StreamName(text), let metadata = row.withBytes(4, { EventMetadata(storedAs: $0) }) else {
                    throw EventStoreError.broken(reason: "an event of \(text) can't be read")
                }
                let entry = ImportedStream.Entry(
                    position: try row.get(0), version: Int(try row.get(2, as: Int32.self)), type: try row.get(3), metadata: metadata)
                if streams.last?.name == name {
                    streams[streams.endIndex - 1].entries.append(entry)
                } else {
                    streams.append(ImportedStream(name: name, entries: [entry]))
                }
            }
        }
    }
}

extension Statement {
    fileprivate static let importedStreams = Statement(
        "log_imported_streams",
        """
        SELECT position, stream, version, type, metadata FROM log.events
        WHERE stream IN (SELECT DISTINCT stream FROM log.events WHERE metadata ? 'import' AND stream > $1 ORDER BY stream LIMIT $2)
        ORDER BY stream, version
        """)
}

/// Reads by the person that events name. There is no index for them, which every append would pay for: they look through a stretch of the log inside
/// the database. For closures and exports, which are rare (docs/decisions/0017).
extension PostgresEventStore {
    /// The streams with an event of this type whose open field names the person, between two positions, in the log's order.
    package func streams(with type: String, naming person: UUID, in field: String, positions: ClosedRange<Int64>) async throws -> [StreamName] {
        let values: [SQLValue] = [
            .text(type), .int8(positions.lowerBound), .int8(positions.upperBound), .text(field), .text(person.lowercased),
        ]
        return try await reading { try await pool.query(.streamsNaming, values) }.compactMap { StreamName(try $0.get(0, as: String.self)) }
    }

    /// The events of some streams, those that a person caused in any stream, and events of these types whose open field names the person; between two
    /// positions, in the log's order, at most `limit` events and `PageBytes.usual`; none when there are none.
    package func events(
        in streams: [StreamName], about person: UUID, naming: (types: [String], field: String), positions: ClosedRange<Int64>, limit: Int
    ) async throws -> [RecordedEvent] {
        let values: [SQLValue] = [
            .int8(positions.lowerBound), .int8(positions.upperBound), .texts(streams.map(\.description)), .text(person.lowercased),
            .texts(naming.types), .text(naming.field), .int8(Int64(limit)),
        ]
        return try await opened(reading { try await pool.query(.eventsAbout, values) }.map { try RecordedEvent(stored: $0) })
    }
}

extension Statement {
    // Comparing rows keeps the planner to the index by type: see `readTypesForwards`.
    fileprivate static let streamsNaming = Statement(
        "log_streams_naming",
        """
        SELECT stream FROM log.events
        WHERE (type, position) >= ($1, $2) AND (type, position) <= ($1, $3) AND data ->> $4 = $5
        ORDER BY type, position
        """)

    fileprivate static let eventsAbout = Statement(
        "log_events_about",
        page(
            of: """
                SELECT \(eventColumns)
                FROM log.events
                WHERE position BETWEEN $1 AND $2
                    AND (stream = ANY ($3) OR metadata ->> 'actor' = $4 OR CASE WHEN type = ANY ($5) THEN data ->> $6 = $4 ELSE false END)
                ORDER BY position
                LIMIT $7
                """, by: "position"))
}

package import EventSourcing
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

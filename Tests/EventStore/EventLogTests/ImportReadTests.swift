import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Reading what imports brought` {
    @Test func `finds their streams whole, and no others`() async throws {
        try await LogUnderTest.open(.notes) { log in
            let (imported, own, touched) = (StreamName("note", .v7()), StreamName("note", .v7()), StreamName("note", .v7()))
            let hash = { (letter: Character) in String(repeating: letter, count: 22) }
            let origin = ImportOrigin(id: .v7(), collection: hash("a"), source: hash("b"), author: hash("c"), digest: hash("d"))
            try await log.write(imported, from: origin)
            try await log.write(own, from: nil)
            try await log.write(touched, from: origin)
            try await log.write(touched, from: nil)
            let streams = try await log.store.importedStreams()
            #expect(Set(streams.map(\.name)) == [imported, touched])
            #expect(streams.first { $0.name == touched }?.entries.map(\.version) == [1, 2])
            #expect(streams.first { $0.name == touched }?.entries.map(\.position) == [3, 4])
            #expect(streams.first { $0.name == touched }?.entries.map(\.metadata.origin) == [origin, nil])
            #expect(streams.first { $0.name == imported }?.entries.map(\.type) == ["NoteWritten"])
        }
    }
}

extension EventCatalog {
    fileprivate static let notes = EventCatalog([EventSchema("NoteWritten", in: "note", [.open("writer", .id)])])
}

extension LogUnderTest {
    fileprivate func write(_ stream: StreamName, from origin: ImportOrigin?) async throws {
        let key = CommandReceipt.Key.unrepeated()
        let event = NewEvent(type: "NoteWritten", schemaVersion: 1, data: ["writer": .string(UUID.v7().lowercased)])
        _ = try await store.append(
            AppendRequest(
                [StreamAppend([event], to: stream, expecting: .any, sealedFor: nil)], claims: [], command: key,
                metadata: EventMetadata(command: key.id, origin: origin)))
    }
}

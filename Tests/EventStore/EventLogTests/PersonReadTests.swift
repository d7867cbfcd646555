import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Reading by person` {
    @Test func `finds the streams whose events name somebody, in the log's order and within bounds`() async throws {
        try await LogUnderTest.open(.notes) { log in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            let notes = (0..<5).map { _ in StreamName("note", .v7()) }
            for (note, writer) in zip(notes, [ann, bob, ann, ann, bob]) { try await log.write(note, by: writer) }
            func found(_ person: UUID, _ positions: ClosedRange<Int64>) async throws -> [StreamName] {
                try await log.store.streams(with: "NoteWritten", naming: person, in: "writer", positions: positions)
            }
            #expect(try await found(ann, 1...100) == [notes[0], notes[2], notes[3]])
            #expect(try await found(ann, 2...3) == [notes[2]])
            #expect(try await found(.v7(), 1...100) == [])
            #expect(try await log.store.streams(with: "NoteBurnt", naming: ann, in: "writer", positions: 1...100) == [])
        }
    }

    @Test func `gives what is in some streams, what somebody did elsewhere and what names them, a page at a time`() async throws {
        try await LogUnderTest.open(.notes) { log in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            let (own, others, third) = (StreamName("note", .v7()), StreamName("note", .v7()), StreamName("note", .v7()))
            try await log.write(own, by: ann)
            try await log.write(others, by: bob)
            try await log.write(own, by: bob)
            try await log.write(others, by: ann)
            try await log.write(third, by: bob)
            func found(
                in streams: [StreamName] = [own], _ person: UUID = ann, naming types: [String] = [], positions: ClosedRange<Int64> = 1...100,
                limit: Int = 10
            ) async throws -> [Int64] {
                try await log.store.events(in: streams, about: person, naming: (types, "writer"), positions: positions, limit: limit).map(\.position)
            }
            #expect(try await found() == [1, 3, 4])
            #expect(try await found(limit: 2) == [1, 3])
            #expect(try await found(positions: 2...3) == [3])
            #expect(try await found(in: [], .v7()) == [])
            // Named by the system, who is no actor.
            try await log.write(third, by: ann, as: nil)
            #expect(try await found() == [1, 3, 4])
            #expect(try await found(naming: ["NoteWritten"]) == [1, 3, 4, 6])
            #expect(try await found(naming: ["NoteBurnt"]) == [1, 3, 4])
        }
    }
}

extension EventCatalog {
    fileprivate static let notes = EventCatalog([EventSchema("NoteWritten", in: "note", [.open("writer", .id)])])
}

extension LogUnderTest {
    fileprivate func write(_ stream: StreamName, by writer: UUID) async throws { try await write(stream, by: writer, as: writer) }

    fileprivate func write(_ stream: StreamName, by writer: UUID, as actor: UUID?) async throws {
        let key = CommandReceipt.Key.unrepeated()
        _ = try await store.append(
            AppendRequest(
                [
                    StreamAppend(
                        [NewEvent(type: "NoteWritten", schemaVersion: 1, data: ["writer": .string(writer.lowercased)])], to: stream, expecting: .any,
                        sealedFor: nil)
                ], claims: [], command: key, metadata: EventMetadata(actor: actor, command: key.id)))
    }
}

import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Testing
import Vault

@Suite(.timeLimit(.minutes(15))) struct `A log read in its stored form` {
    @Test func `shows personal fields sealed, and nothing of them in the clear`() async throws {
        try await LogUnderTest.with { log in
            let ann = UUID.v7()
            try await log.vault.createKey(for: ann)
            let stream = EventStoreContract.stream()
            let key = CommandReceipt.Key.unrepeated()
            let event = NewEvent(type: "Said", schemaVersion: 1, data: ["by": .string(ann.lowercased), "words": .string("a very personal sentence")])
            let append = StreamAppend([event], to: stream, expecting: .any, sealedFor: ann)
            _ = try await log.store.append(AppendRequest([append], claims: [], command: key, metadata: EventMetadata(command: key.id)))

            let opened = try await log.store.read(StreamRead(stream), limit: 9)
            #expect(opened.first?.data["words"] == .string("a very personal sentence"))
            try await log.storedForm { store in
                let stored = try await store.read(StreamRead(stream), limit: 9)
                #expect(stored.map(\.id) == opened.map(\.id))
                #expect(stored.first?.data["words"] == nil)
                #expect(stored.first?.data["by"] == .string(ann.lowercased))
                #expect(stored.first?.data["$sealed"]?["subject"] == .string(ann.lowercased))
                #expect(stored.first?.data["$sealed"]?["box"]?.text?.isEmpty == false)
                #expect(!"\(stored)".contains("personal sentence"))
                let page = try await store.read(LogRead(), limit: 9)
                #expect(page.events == stored)
                let loaded = try await store.load(stream)
                #expect(loaded.events == stored)
            }
        }
    }

    @Test func `shows events of a program that is newer than the reader`() async throws {
        try await LogUnderTest.with { log in
            let stream = EventStoreContract.stream()
            _ = try await log.store.append(EventStoreContract.request(to: stream))
            try await log.run(
                """
                INSERT INTO log.events SELECT 2, stream, 2, id, 'Dreamt', 7, '{"of": "sheep"}', metadata, recorded_at FROM log.events;
                """)
            await #expect(throws: UnknownEvent(type: "Dreamt", version: 7)) { _ = try await log.store.read(StreamRead(stream), limit: 9) }
            try await log.storedForm { store in
                let last = try await store.read(StreamRead(stream, .backwards), limit: 1).first
                #expect(last?.type == "Dreamt")
                #expect(last?.schemaVersion == 7)
                #expect(last?.data == ["of": .string("sheep")])
            }
        }
    }
}

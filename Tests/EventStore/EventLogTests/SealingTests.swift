import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Testing
import Vault

@Suite struct `Personal fields in the log` {
    private static let words = "a very personal sentence"

    private static func said(_ words: String, by subject: UUID, in stream: StreamName) -> AppendRequest {
        let key = CommandReceipt.Key.unrepeated()
        let event = NewEvent(type: "Said", schemaVersion: 1, data: ["by": .string(subject.lowercased), "words": .string(words)])
        return AppendRequest(
            [StreamAppend([event], to: stream, expecting: .any, sealedFor: subject)], claims: [.take(ClaimKind(rawValue: "slug"), value: words)],
            command: key,
            metadata: EventMetadata(command: key.id))
    }

    @Test func `can be read by their readers and by nobody in the database`() async throws {
        try await LogUnderTest.with { log in
            let ann = UUID.v7()
            try await log.vault.createKey(for: ann)
            let stream = EventStoreContract.stream()
            _ = try await log.store.append(Self.said(Self.words, by: ann, in: stream))

            #expect(try await log.store.load(stream).events.first?.data["words"] == .string(Self.words))
            #expect(try await log.value("SELECT count(*) FROM log.events e WHERE e::text LIKE '%personal%sentence%'") == "0")
            #expect(try await log.value("SELECT count(*) FROM log.claims c WHERE c::text LIKE '%personal%'") == "0")
            #expect(try await log.value("SELECT data->'$sealed'->>'fields' FROM log.events") == #"["words"]"#)
            #expect(try await log.value("SELECT data->>'by' FROM log.events") == ann.lowercased)
        }
    }

    @Test func `are forgotten with their key, and the rest of the event is not`() async throws {
        try await LogUnderTest.with { log in
            let ann = UUID.v7()
            try await log.vault.createKey(for: ann)
            let stream = EventStoreContract.stream()
            _ = try await log.store.append(Self.said(Self.words, by: ann, in: stream))
            try await log.destroyKey(of: ann)

            let event = try #require(try await log.store.load(stream).events.first)
            #expect(event.data["words"] == .null)
            #expect(event.data["by"] == .string(ann.lowercased))
            await #expect(throws: EventStoreError.self) { _ = try await log.store.append(Self.said("more", by: ann, in: stream)) }
        }
    }

    @Test func `are marked for readers of the log when the vault lacks their key, and no command decides on them`() async throws {
        try await LogUnderTest.with { log in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            for person in [ann, bob] {
                try await log.vault.createKey(for: person)
                _ = try await log.store.append(Self.said(person.lowercased, by: person, in: StreamName("contract", person)))
            }
            try await log.runInVault(
                "ALTER TABLE vault.data_keys DISABLE TRIGGER ALL; DELETE FROM vault.data_keys WHERE subject = '\(ann.lowercased)'")
            // Another process, which has no key in memory.
            try await log.another { other in
                let events = try await other.store.read(after: 0, limit: 10)
                #expect(events.map(\.unopened) == [["words"], []])
                #expect(events.map { $0.data["words"] } == [.null, .string(bob.lowercased)])
                await #expect(throws: VaultError.keyUnknown(ann)) { try await other.store.load(StreamName("contract", ann)) }
                #expect(try await other.store.load(StreamName("contract", bob)).events.count == 1)
            }
        }
    }

    @Test func `are not taken for somebody who has no key`() async throws {
        try await LogUnderTest.with { log in
            await #expect(throws: EventStoreError.self) {
                _ = try await log.store.append(Self.said(Self.words, by: .v7(), in: EventStoreContract.stream()))
            }
            let head = try await log.store.head()
            #expect(head == 0)
        }
    }

    @Test func `do not open in another event`() async throws {
        try await LogUnderTest.with { log in
            let ann = UUID.v7()
            try await log.vault.createKey(for: ann)
            let stream = EventStoreContract.stream()
            _ = try await log.store.append(Self.said("one", by: ann, in: stream))
            _ = try await log.store.append(Self.said("two", by: ann, in: stream))
            try await log.run(
                """
                ALTER TABLE log.events DISABLE TRIGGER ALL;
                UPDATE log.events SET data = (SELECT data FROM log.events WHERE position = 1) WHERE position = 2;
                """)
            await #expect(throws: VaultError.self) { _ = try await log.store.load(stream) }
        }
    }
}

extension LogUnderTest {
    /// Destroys a key as auth does when an account is closed, here with the owner's rights.
    fileprivate func destroyKey(of subject: UUID) async throws {
        try await runInVault("UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(subject.lowercased)'")
        vault.noteDestruction(of: subject)
    }
}

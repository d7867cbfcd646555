import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Testing
import Vault

@Suite(.timeLimit(.minutes(15))) struct `Personal fields in the log` {
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

    /// Ways in which the personal data of one person can be damaged, as SQL with the person's id for `$`.
    enum Damage: String, CaseIterable {
        case missingKey = "DELETE FROM vault.data_keys WHERE subject = '$'"
        case damagedKey = "UPDATE vault.data_keys SET wrapped = set_byte(wrapped, 19, get_byte(wrapped, 19) # 255) WHERE subject = '$'"
        case damagedBox = """
            UPDATE log.events SET data = jsonb_set(data, '{$sealed,box}', to_jsonb(reverse(data -> '$sealed' ->> 'box'))) WHERE stream = 'contract-$'
            """
        case damagedSubject = "UPDATE log.events SET data = jsonb_set(data, '{$sealed,subject}', '7') WHERE stream = 'contract-$'"
        case nothingSealed = "UPDATE log.events SET data = jsonb_set(data, '{$sealed}', '7') WHERE stream = 'contract-$'"

        var reason: UnopenedReason {
            switch self {
            case .missingKey: .keyMissing
            case .damagedKey: .keyDamaged
            case .damagedBox, .damagedSubject, .nothingSealed: .sealDamaged
            }
        }

        func happen(to person: UUID, in log: LogUnderTest) async throws {
            let sql = rawValue.replacing("'$'", with: "'\(person.lowercased)'").replacing("contract-$", with: "contract-\(person.lowercased)")
            switch self {
            case .missingKey, .damagedKey: try await log.runInVault("ALTER TABLE vault.data_keys DISABLE TRIGGER ALL; \(sql)")
            case .damagedBox, .damagedSubject, .nothingSealed: try await log.run("ALTER TABLE log.events DISABLE TRIGGER ALL; \(sql)")
            }
        }
    }

    @Test(arguments: Damage.allCases) func `that do not open are marked with the reason, and no others`(damage: Damage) async throws {
        try await LogUnderTest.with { log in
            let (ann, bob) = (UUID.v7(), UUID.v7())
            for person in [ann, bob] {
                try await log.vault.createKey(for: person)
                _ = try await log.store.append(Self.said(person.lowercased, by: person, in: StreamName("contract", person)))
            }
            try await damage.happen(to: ann, in: log)
            let unopened = Unopened(fields: ["words"], reason: damage.reason)
            // Another process, which has no key in memory.
            try await log.another { other in
                let events = try await other.store.read(after: 0, limit: 10)
                #expect(events.map(\.unopened) == [unopened, nil])
                #expect(events.map { $0.data["words"] } == [.null, .string(bob.lowercased)])
                #expect(events.map { $0.data["by"] } == [ann, bob].map { .string($0.lowercased) })
                // Alone, too: other keys open, so the master key is the right one.
                #expect(try await other.store.load(StreamName("contract", ann)).events.map(\.unopened) == [unopened])
                guard damage.reason != .sealDamaged else { return }
                await #expect(throws: EventStoreError.self) {
                    _ = try await other.store.append(Self.said("more", by: ann, in: StreamName("contract", ann)))
                }
            }
        }
    }

    @Test func `are no reader's when no key opens, since that is the master key's fault`() async throws {
        try await LogUnderTest.with { log in
            for _ in 1...3 {
                let person = UUID.v7()
                try await log.vault.createKey(for: person)
                _ = try await log.store.append(Self.said(person.lowercased, by: person, in: StreamName("contract", person)))
            }
            try await log.runInVault("UPDATE vault.data_keys SET wrapped = set_byte(wrapped, 19, get_byte(wrapped, 19) # 255)")
            try await log.another { other in
                await #expect(throws: VaultError.unusableMasterKey) { _ = try await other.store.read(after: 0, limit: 10) }
                await #expect(throws: VaultError.unusableMasterKey) { _ = try await other.store.read(after: 0, limit: 1) }
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
            #expect(try await log.store.load(stream).events.map(\.unopened?.reason) == [nil, .sealDamaged])
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

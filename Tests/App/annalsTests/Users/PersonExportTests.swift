import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing
import Vault

@testable import annals

/// A log in which an admin, `eve`, edits a post of `ann`.
private struct SharedLog {
    let log: LogUnderTest
    let ann = UUID.v7()
    let eve = UUID.v7()
    let post = StreamName("post", .v7())

    static func open(_ body: @Sendable (SharedLog) async throws -> Void) async throws {
        try await LogUnderTest.open(.publishing) { log in
            let shared = SharedLog(log: log)
            for (name, user) in [("ann", shared.ann), ("eve", shared.eve)] {
                try await log.vault.createKey(for: user)
                let account: JSONObject = ["username": .string(name), "email": .string("\(name)@example.org"), "role": .string("user")]
                try await shared.append("UserRegistered", account, to: StreamName("user", user), by: user, about: user)
            }
            let draft: JSONObject = [
                "author": .string(shared.ann.lowercased), "title": .string("ann's title"), "slug": .string("a"),
                "content": .string("ann's text"),
            ]
            try await shared.append("PostDrafted", draft, to: shared.post, by: shared.ann, about: shared.ann)
            try await shared.append("PostEdited", ["title": .string("ann's other title")], to: shared.post, by: shared.eve, about: shared.ann)
            try await body(shared)
        }
    }

    private func append(_ type: String, _ data: JSONObject, to stream: StreamName, by actor: UUID, about subject: UUID) async throws {
        let command = CommandReceipt.Key.unrepeated()
        let event = NewEvent(type: type, schemaVersion: EventCatalog.publishing[type]?.version ?? 1, data: data)
        let request = AppendRequest(
            [StreamAppend([event], to: stream, expecting: .any, sealedFor: subject)], claims: [], command: command,
            metadata: EventMetadata(actor: actor, command: command.id))
        guard case .appended = try await log.store.append(request) else { throw EventStoreError.broken(reason: "not appended") }
    }

    /// The export of a user, as text.
    func export(_ user: UUID) async throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(path: "export-\(UUID().uuidString).json").path
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try await PersonExport(user: user, identity: ["sessions": .array([])], log: log.store).write(to: ExportOutput(path))
        return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The export of a person` {
    @Test func `is one JSON object with the profile, the posts and the events, opened`() async throws {
        try await SharedLog.open { shared in
            let json = try JSONValue.parse(try await shared.export(shared.ann))
            #expect(json["user"]?.text == shared.ann.lowercased)
            #expect(json["profile"]?["email"]?.text == "ann@example.org")
            guard case .array(let posts)? = json["posts"], case .array(let events)? = json["events"] else { Issue.record("\(json)"); return }
            #expect(posts.map { $0["title"]?.text } == ["ann's other title"])
            #expect(events.compactMap { $0["type"]?.text } == ["UserRegistered", "PostDrafted", "PostEdited"])
            #expect(events.compactMap { $0["position"]?.int } == [1, 3, 4])
        }
    }

    @Test func `lists deeds on other people's posts without those people's words`() async throws {
        try await SharedLog.open { shared in
            let text = try await shared.export(shared.eve)
            let json = try JSONValue.parse(text)
            guard case .array(let posts)? = json["posts"], case .array(let events)? = json["events"] else { Issue.record("\(json)"); return }
            #expect(posts.isEmpty)
            #expect(events.compactMap { $0["type"]?.text } == ["UserRegistered", "PostEdited"])
            #expect(!text.contains("ann's"))
        }
    }

    @Test func `of nobody writes nothing`() async throws {
        try await SharedLog.open { shared in
            let failure = await #expect(throws: Failure.self) { try await shared.export(.v7()) }
            #expect(failure?.message.hasPrefix("there is no stream user-") == true)
        }
    }
}

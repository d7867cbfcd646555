import AccessTokens
import CommandService
import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import Synchronization
import TestSupport
import Testing
import Vault

@Suite(.timeLimit(.minutes(5))) struct `The log as admins watch it` {
    private static let path = "/api/v1/events/stream"

    /// Ann and an admin; ann has drafted and published two posts: events 3 to 6.
    private static func open(_ body: @Sendable (Newsroom, _ ann: Newsroom.Person, _ admin: Newsroom.Person) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let admin = try await newsroom.person("root", role: .admin)
            for title in ["First", "Second"] { _ = try await newsroom.post(by: ann, title: title, publish: true) }
            try await newsroom.feeding { try await body(newsroom, ann, admin) }
        }
    }

    @Test func `is for admins alone`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            #expect(try await newsroom.send(.get, Self.path).status == 401)
            #expect(try await newsroom.send(.get, Self.path, by: ann).status == 403)
            #expect(try await newsroom.watched("\(Self.path)?after=0", by: admin, to: 1).first?.name == "UserRegistered")
        }
    }

    @Test func `is every event as a CloudEvent, opened, under its position`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            let sent = try await newsroom.watched("\(Self.path)?after=0", by: admin, to: 6)
            let events = try await newsroom.log.store.read(after: 0, limit: 100)
            #expect(sent.map(\.id) == events.map(\.position) && sent.map(\.name) == events.map(\.type))
            #expect(sent.map { $0.data["id"]?.text } == events.map { $0.id.lowercased })
            #expect(sent[2].data["data"]?["title"]?.text == "First" && sent[2].data["type"]?.text == "annals.PostDrafted")
        }
    }

    @Test func `goes on after the last event that its reader has, whatever the query says`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            let sent = try await newsroom.watched("\(Self.path)?after=0", by: admin, headers: [.lastEventID: "4"], to: 6)
            #expect(sent.map(\.id) == [5, 6])
        }
    }

    @Test func `gives each position once to a reader who hangs up and comes again`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for number in 0..<60 { _ = try await newsroom.post(by: ann, title: "Post \(number)", publish: true) } }
                var seen: [Int64] = []
                while (seen.last ?? 0) < 126 {
                    let last = seen.last ?? 0
                    let sent = try await newsroom.watched(
                        "\(Self.path)?after=0", by: admin, headers: last == 0 ? [:] : [.lastEventID: "\(last)"], to: min(126, last + 7))
                    seen += sent.compactMap(\.id)
                }
                try await group.waitForAll()
                #expect(seen == Array(1...126))
            }
        }
    }

    @Test func `tells at once of a position that the log does not have`() async throws {
        try await Self.open { newsroom, _, admin in
            for headers: HTTPFields in [[.lastEventID: "7"], [.lastEventID: "999999"]] {
                let reply = try await newsroom.send(.get, Self.path, by: admin, headers: headers)
                #expect(reply.status == 409 && reply.code == "POSITION_AHEAD")
            }
        }
    }

    @Test func `says all that is wrong with a request`() async throws {
        try await Self.open { newsroom, _, admin in
            let wrong = try await newsroom.send(.get, "\(Self.path)?after=-1&type=Nonsense&category=nothing&limit=1", by: admin)
            #expect(wrong.status == 422 && wrong.fields.sorted() == ["after", "category", "limit", "type"])
            let malformed = try await newsroom.send(.get, Self.path, by: admin, headers: [.lastEventID: "x"])
            #expect(malformed.status == 400 && malformed.code == "MALFORMED_REQUEST")
        }
    }

    @Test func `is filtered by type and category`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            let expected: [(String, [Int64])] = [
                ("type=PostPublished", [4, 6]), ("type=PostPublished,PostDrafted", [3, 4, 5, 6]), ("category=post", [3, 4, 5, 6]),
                ("category=post&type=PostDrafted", [3, 5]),
            ]
            for (query, ids) in expected {
                let sent = try await newsroom.watched("\(Self.path)?after=0&\(query)", by: admin, to: ids.last ?? 0)
                #expect(sent.compactMap(\.id) == ids, "\(query)")
            }
        }
    }

    @Test func `has nothing of a person whose key is destroyed`() async throws {
        try await Self.open { (newsroom, ann, admin) async throws in
            // Rendered while the words are there.
            #expect(try await newsroom.watched("\(Self.path)?after=0", by: admin, to: 6)[2].data["data"]?["title"]?.text == "First")
            try await newsroom.log.runInVault(
                "UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(ann.id.lowercased)'")
            newsroom.log.vault.noteDestruction(of: ann.id)
            try await newsroom.order(.close, for: ann)
            let sent = try await newsroom.watched("\(Self.path)?after=0", by: admin, to: 7)
            #expect(sent.last?.name == "UserClosed")
            // The event that erases takes back what was rendered before it.
            let again = try await newsroom.watched("\(Self.path)?after=0&type=PostDrafted", by: admin, to: 5)
            #expect(again.map { $0.data["data"]?["title"] } == [.null, .null])
        }
    }

    /// Five thousand with ANNALS_LONG_TESTS=1.
    @Test func `is read from the log once, however many watch`() async throws {
        let count = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 5000 : 500
        try await Self.open { (newsroom, ann, admin) async throws in
            let counted = CountedStore(newsroom.log.store)
            let other = newsroom.on(counted)
            try await other.feeding {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<count {
                        group.addTask {
                            let ids = Atomic(0)
                            let last = Mutex("")
                            try await other.watch("\(Self.path)?after=6", by: admin) { part in
                                ids.add(part.components(separatedBy: "\nid: ").count - 1, ordering: .relaxed)
                                last.withLock { $0 = String(($0 + part).suffix(40_000)) }
                                return last.withLock { $0.contains("\nid: 26\n") }
                            }
                            return ids.load(ordering: .relaxed)
                        }
                    }
                    try await eventually { other.commands.feed.watcherCount == count }
                    let before = counted.reads
                    for number in 0..<10 { _ = try await newsroom.post(by: ann, title: "Post \(number)", publish: true) }
                    for try await ids in group { #expect(ids == 20) }
                    // A look for each append, and one that finds nothing; more where heartbeats have dropped what a late watcher wants.
                    #expect(counted.reads - before <= 100)
                }
                #expect(other.commands.feed.watcherCount == 0)
            }
        }
    }
}

/// Counts the looks at the log as a whole.
private final class CountedStore: EventStore {
    private let store: any EventStore
    private let count = Atomic(0)

    var reads: Int { count.load(ordering: .relaxed) }

    init(_ store: any EventStore) { self.store = store }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }
    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await store.load(stream, after: version, limit: limit, command: command)
    }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        count.add(1, ordering: .relaxed)
        return try await store.read(after: position, limit: limit)
    }
    func head() async throws -> Int64 { try await store.head() }
    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

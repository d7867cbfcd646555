import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import HTTPContract
import HTTPTypes
import JSON
import Testing
import Vault

@Suite(.timeLimit(.minutes(5))) struct `The audit trail over HTTP` {
    private static let path = "/api/v1/audit/events"

    /// Ann and an admin; ann has drafted and published two posts: events 3 to 6.
    private static func open(_ body: @Sendable (Newsroom, _ ann: Newsroom.Person, _ admin: Newsroom.Person) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let admin = try await newsroom.person("root", role: .admin)
            for title in ["First", "Second"] { _ = try await newsroom.post(by: ann, title: title, publish: true) }
            try await body(newsroom, ann, admin)
        }
    }

    private static func positions(_ reply: Reply) -> [Int64] {
        reply.data?.elements?.compactMap { $0["sequence"]?.text.flatMap { Int64($0) } } ?? []
    }

    @Test func `is for admins alone`() async throws {
        try await Self.open { newsroom, ann, admin in
            for (person, status) in [(nil, 401), (ann, 403), (admin, 200)] {
                let reply = try await newsroom.call(.get, Self.path, by: person)
                #expect(reply.status == status && reply.happened == [])
                // Not even how a query is wrong is told to others.
                #expect(try await newsroom.send(.get, "\(Self.path)?limit=x", by: person).status == (status == 200 ? 422 : status))
            }
        }
    }

    @Test func `is the log as CloudEvents, opened`() async throws {
        try await Self.open { newsroom, ann, admin in
            let reply = try await newsroom.send(.get, Self.path, by: admin)
            let events = try await newsroom.log.store.read(after: 0, limit: 100)
            let seen = try #require(reply.data?.elements)
            #expect(seen.map { $0["id"]?.text } == events.map { $0.id.lowercased })
            #expect(seen.map { $0["data"] } == events.map { .object($0.data) })
            #expect(seen.allSatisfy { $0["specversion"]?.text == "1.0" })
            #expect(seen[2]["type"]?.text == "annals.PostDrafted" && seen[2]["data"]?["title"]?.text == "First")
            #expect(seen[2]["actor"]?.text == ann.id.lowercased)
            #expect(reply.body["pagination"] == .object(["limit": .integer(100), "total": .integer(6)]))
            #expect(reply.headers[.contentType] == "application/json")
            #expect(reply.headers[.readModelPosition] == "6")
            let etag = try #require(reply.headers[.eTag])
            #expect(try await newsroom.send(.get, Self.path, by: admin, headers: [.ifNoneMatch: etag]).status == 304)
        }
    }

    @Test func `after a position that the log has never had is 409`() async throws {
        try await Self.open { newsroom, _, admin in
            #expect(try await newsroom.send(.get, "\(Self.path)?after=6", by: admin).status == 200)
            let ahead = try await newsroom.send(.get, "\(Self.path)?after=7", by: admin)
            #expect(ahead.status == 409 && ahead.code == "POSITION_AHEAD")
        }
    }

    @Test func `says what is forgotten`() async throws {
        try await Self.open { newsroom, ann, admin in
            try await newsroom.log.runInVault(
                "UPDATE vault.data_keys SET wrapped = NULL, destroyed_at = now() WHERE subject = '\(ann.id.lowercased)'")
            newsroom.log.vault.noteDestruction(of: ann.id)
            let reply = try await newsroom.send(.get, "\(Self.path)?type=PostDrafted", by: admin)
            #expect(reply.data?.elements?.map { $0["data"]?["title"] } == [.null, .null])
            #expect(reply.data?.elements?.map { $0["forgotten"]?.text } == ["title,slug,content", "title,slug,content"])
        }
    }

    @Test func `is filtered by position, stream, type, actor and time`() async throws {
        try await Self.open { newsroom, ann, admin in
            let events = try await newsroom.log.store.read(after: 0, limit: 100)
            let (stream, time) = (events[2].stream, events[4].recordedAt)
            let expected: [(String, (RecordedEvent) -> Bool)] = [
                ("after=4", { $0.position > 4 }), ("stream=\(stream)", { $0.stream == stream }),
                ("stream=\(stream)&after=3", { $0.stream == stream && $0.position > 3 }),
                ("type=PostPublished", { $0.type == "PostPublished" }), ("actor=\(ann.id.lowercased)", { $0.metadata.actor == ann.id }),
                ("type=PostPublished&stream=\(stream)&actor=\(ann.id.lowercased)", { $0.type == "PostPublished" && $0.stream == stream }),
                ("actor=\(admin.id.lowercased)", { $0.metadata.actor == admin.id }), ("from=\(time)", { $0.recordedAt >= time }),
                ("to=\(time)", { $0.recordedAt <= time }), ("from=2100-01-01T00:00:00Z", { _ in false }),
            ]
            for (query, isWanted) in expected {
                let reply = try await newsroom.send(.get, "\(Self.path)?\(query)", by: admin)
                #expect(Self.positions(reply) == events.filter(isWanted).map(\.position), "\(query)")
                #expect(reply.body["pagination"]?["nextAfter"] == nil, "\(query)")
                #expect(reply.body["pagination"]?["total"] == (query == "after=4" ? .integer(6) : .null), "\(query)")
            }
        }
    }

    @Test func `comes in pages, without a gap or a repeat`() async throws {
        try await Self.open { newsroom, ann, admin in
            for filter in ["", "&actor=\(ann.id.lowercased)", "&type=PostDrafted"] {
                let whole = Self.positions(try await newsroom.send(.get, "\(Self.path)?limit=1000\(filter)", by: admin))
                var pages: [Int64] = []
                var after: Int64? = 0
                while let position = after {
                    let reply = try await newsroom.send(.get, "\(Self.path)?limit=1&after=\(position)\(filter)", by: admin)
                    pages += Self.positions(reply)
                    after = reply.body["pagination"]?["nextAfter"]?.int
                    #expect(after.map { $0 > position } ?? true)
                }
                #expect(!whole.isEmpty && pages == whole)
            }
        }
    }

    @Test func `says all that is wrong with a query`() async throws {
        try await Self.open { newsroom, _, admin in
            let wrong = try await newsroom.send(.get, "\(Self.path)?after=-1&limit=0&stream=x&type=Nonsense&from=yesterday&to=x", by: admin)
            #expect(wrong.status == 422 && wrong.fields.sorted() == ["after", "from", "limit", "stream", "to", "type"])
            let backwards = try await newsroom.send(.get, "\(Self.path)?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", by: admin)
            #expect(backwards.status == 422 && backwards.fields == ["to"])
            let malformed = try await newsroom.send(.get, "\(Self.path)?actor=x", by: admin)
            #expect(malformed.status == 400 && malformed.code == "MALFORMED_REQUEST")
            let behind = try await newsroom.send(.get, Self.path, by: admin, headers: [.waitForPosition: "1000", .prefer: "wait=0"])
            #expect(behind.status == 503 && behind.code == "READ_MODEL_BEHIND")
        }
    }
}

extension JSONValue {
    /// The elements when this is an array.
    fileprivate var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}

import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import HTTPContract
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A post's history` {
    /// A post with four events: drafted, edited by an admin, published, edited.
    private static func open(_ body: @Sendable (Newsroom, Newsroom.Person, DraftedPost) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let admin = try await newsroom.person("root", role: .admin)
            let post = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Second"}"#, by: admin)
            _ = try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":"2020-01-02T03:04:05Z"}"#, by: ann)
            _ = try await newsroom.call(.patch, post.path, #"{"content":"Fourth"}"#, by: ann)
            try await body(newsroom, ann, post)
        }
    }

    @Test func `is its events in order`() async throws {
        try await Self.open { newsroom, ann, post in
            let reply = try await newsroom.call(.get, "\(post.path)/history?include=content", by: ann)
            #expect(reply.status == 200 && reply.happened == [])
            let entries = try #require(reply.data?.elements)
            let events = try await newsroom.events(of: post.stream)
            #expect(events.count == 4)
            let expected = events.map { event in
                #"{"position":\#(event.position),"type":"\#(event.type)","version":\#(event.version),"at":"\#(event.recordedAt)","#
                    + #""actor":"\#(event.metadata.actor?.lowercased ?? "")","data":\#(JSONValue.object(event.data).serialized),"covered":false}"#
            }
            #expect(entries.map(\.serialized) == expected)
            #expect(entries.map { $0["type"]?.text } == ["PostDrafted", "PostEdited", "PostPublished", "PostEdited"])
            #expect(entries[1]["data"] == .object(["title": .string("Second")]))
            #expect(entries[2]["data"] == .object(["publishedAt": .string("2020-01-02T03:04:05.000Z")]))
            let etag = try #require(reply.headers[.eTag])
            #expect(try await newsroom.call(.get, "\(post.path)/history?include=content", by: ann, headers: [.ifNoneMatch: etag]).status == 304)
            // Another window of the same history is another answer.
            #expect(try await newsroom.send(.get, "\(post.path)/history?include=content&limit=3", by: ann).headers[.eTag] != etag)
        }
    }

    @Test func `waits for a position, and says so when the log has not come that far`() async throws {
        try await Self.open { newsroom, ann, post in
            let events = try await newsroom.events(of: post.stream)
            let last = try #require(events.last).position
            #expect(try await newsroom.call(.get, "\(post.path)/history", by: ann, headers: [.waitForPosition: "\(last)"]).status == 200)
            let behind = try await newsroom.call(
                .get, "\(post.path)/history", by: ann, headers: [.waitForPosition: "\(last + 1000)", .prefer: "wait=0"])
            #expect(behind.status == 503 && behind.code == "READ_MODEL_BEHIND")
            #expect(try await newsroom.call(.get, "\(post.path)/history", by: ann, headers: [.waitForPosition: "x"]).status == 400)
        }
    }

    @Test(arguments: ["/history", "?version=1", "?asOf=2100-01-01T00:00:00Z"])
    func `says how far the log had come, which is as far as the caller waited for`(suffix: String) async throws {
        try await Self.open { newsroom, ann, post in
            _ = try await newsroom.person("carl")
            let head = try await newsroom.log.store.head()
            let reply = try await newsroom.call(.get, post.path + suffix, by: ann, headers: [.waitForPosition: "\(head)"])
            #expect(reply.status == 200 && reply.headers[.readModelPosition] == "\(head)")
        }
    }

    @Test func `leaves long texts out unless they are asked for`() async throws {
        try await Self.open { newsroom, ann, post in
            let entries = try #require(try await newsroom.send(.get, "\(post.path)/history", by: ann).data?.elements)
            #expect(entries.map { $0["data"]?.members?.names } == [["author", "title", "slug"], ["title"], ["publishedAt"], []])
            let omitted = JSONValue.array([.string("content")])
            #expect(entries.map { $0["omitted"] } == [omitted, nil, nil, omitted])
            #expect(try await newsroom.send(.get, "\(post.path)/history?include=all", by: ann).fields == ["include"])
        }
    }

    @Test func `comes in pages that end early when their texts are long`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            try await newsroom.edit(post, of: ann, times: 12, content: String(repeating: "x", count: 200_000))
            var versions: [Int64] = []
            var path: String? = "\(post.path)/history?limit=100&include=content"
            while let next = path {
                let page = try await newsroom.send(.get, next, by: ann)
                #expect(page.text.utf8.count < 1_300_000)
                versions += page.data?.elements?.compactMap { $0["version"]?.int } ?? []
                path = page.body["pagination"]?["nextCursor"]?.text.map { "\(post.path)/history?limit=100&include=content&cursor=\($0)" }
            }
            #expect(versions == Array(1...13))
        }
    }

    @Test(arguments: ["/history?limit=1", "?version=1", "?version=150", "?version=301", "?asOf=2100-01-01T00:00:00Z"])
    func `costs what is shown and not what happened`(suffix: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            try await newsroom.edit(post, of: ann, times: 300, content: "x")
            let store = CountingStore(newsroom.log.store)
            let reply = try await newsroom.on(store).send(.get, post.path + suffix, by: ann)
            #expect(reply.status == 200, "\(reply.text)")
            #expect(store.eventCount <= 40, "\(store.eventCount)")
        }
    }

    @Test(arguments: [nil, "first"]) func `is not what a command on the post costs, or the repeat of one`(key: String?) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let headers: HTTPFields = key.map { .idempotencyKey($0) } ?? [:]
            let first = try await newsroom.send(.patch, post.path, #"{"title":"Second"}"#, by: ann, headers: headers)
            #expect(first.status == 200, "\(first.text)")
            for _ in 0..<30 { try await newsroom.edit(post, of: ann, times: 10, content: String(repeating: "x", count: 200_000)) }
            let store = CountingStore(newsroom.log.store)
            // Nothing is cached here.
            let reply = try await newsroom.on(store).send(.patch, post.path, #"{"title":"Second"}"#, by: ann, headers: headers)
            #expect(reply.status == 200 && reply.isReplay == (key != nil), "\(reply.text)")
            #expect(reply.headers[.eTag] == (key == nil ? "\"302\"" : first.headers[.eTag]))
            #expect(store.eventCount <= 10 && store.byteCount <= 1_000_000, "\(store.eventCount) events, \(store.byteCount) bytes")
        }
    }

    @Test func `comes in pages`() async throws {
        try await Self.open { newsroom, ann, post in
            let first = try await newsroom.send(.get, "\(post.path)/history?limit=3", by: ann)
            #expect(first.data?.elements?.map { $0["version"]?.int } == [1, 2, 3])
            #expect(first.body["pagination"]?["limit"] == .integer(3) && first.body["pagination"]?["total"] == .integer(4))
            let cursor = try #require(first.body["pagination"]?["nextCursor"]?.text)
            let rest = try await newsroom.send(.get, "\(post.path)/history?limit=3&cursor=\(cursor)", by: ann)
            #expect(rest.data?.elements?.map { $0["version"]?.int } == [4])
            #expect(rest.body["pagination"] == .object(["limit": .integer(3), "total": .integer(4)]))
            let other = try await newsroom.post(by: ann)
            for path in ["\(other.path)/history?cursor=\(cursor)", "\(post.path)/history?cursor=x"] {
                #expect(try await newsroom.send(.get, path, by: ann).code == "MALFORMED_REQUEST")
            }
            #expect(try await newsroom.send(.get, "\(post.path)/history?limit=101&after=3&page=1", by: ann).fields == ["limit", "after", "page"])
        }
    }

    @Test func `is there for its author after the post was deleted`() async throws {
        try await Self.open { newsroom, ann, post in
            _ = try await newsroom.call(.delete, post.path, by: ann)
            let entries = try await newsroom.send(.get, "\(post.path)/history", by: ann).data?.elements
            #expect(entries?.last?["type"] == .string("PostDeleted"))
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Who may see what a post was` {
    @Test(arguments: ["/history", "?version=1", "?asOf=2100-01-01T00:00:00Z"]) func `its author and admins`(suffix: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let bob = try await newsroom.person("bob")
            let admin = try await newsroom.person("root", role: .admin)
            let draft = try await newsroom.post(by: ann)
            let published = try await newsroom.post(by: ann, publish: true)
            for (person, seen, ofDraft) in [(ann, 200, 200), (admin, 200, 200), (bob, 403, 404), (nil, 401, 401)] {
                #expect(try await newsroom.send(.get, published.path + suffix, by: person).status == seen)
                #expect(try await newsroom.send(.get, draft.path + suffix, by: person).status == ofDraft)
            }
            #expect(try await newsroom.send(.get, "/api/v1/posts/00000000-0000-7000-8000-000000000000\(suffix)", by: admin).status == 404)
        }
    }
}

extension JSONValue {
    /// The elements when this is an array.
    fileprivate var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}

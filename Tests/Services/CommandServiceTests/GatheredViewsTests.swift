import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Views that were gathered` {
    private static let posts = (0..<3).map { _ in UUID.v7() }.sorted { $0.lowercased < $1.lowercased }

    private static let window = UUID.v7()

    private static func body(_ counts: [(UUID, String)]) -> String {
        #"{"window":"\#(window.lowercased)","views":[\#(counts.map { #"{"post":"\#($0.0.lowercased)","count":\#($0.1)}"# }.joined(separator: ","))]}"#
    }

    private static func alone(_ post: UUID) -> String { #"{"views":[{"post":"\#(post.lowercased)","count":1}]}"# }

    private static func send(_ body: String, to newsroom: Newsroom, key: String? = nil) async throws -> Reply {
        try await newsroom.call(.post, "/internal/views", body, headers: Newsroom.asService(.queries, key: key))
    }

    @Test func `are one event, however many posts they are of`() async throws {
        try await Newsroom.open { newsroom in
            let posts = Self.posts
            let reply = try await Self.send(Self.body([(posts[2], "3"), (posts[0], "1"), (posts[1], "1000000000"), (posts[0], "4")]), to: newsroom)
            #expect(reply.status == 200)
            #expect(reply.happened == ["PostsViewed"])
            #expect(reply.events.map(\.stream) == [StreamName("viewwindow", Self.window)])
            let counts = JSONObject(zip(posts, [5, 1_000_000_000, 3]).map { .init(name: $0.0.lowercased, value: .integer($0.1)) })
            #expect(reply.events.map(\.data) == [["counts": .object(counts)]])
            #expect(reply.events.allSatisfy { $0.metadata.actor == nil })
            #expect(reply.position == 1)
            #expect(reply.text == #"{"data":{"position":1}}"#)
        }
    }

    @Test func `of one post alone are an event of that post`() async throws {
        try await Newsroom.open { newsroom in
            let reply = try await Self.send(Self.alone(Self.posts[0]), to: newsroom, key: "k")
            #expect(reply.happened == ["PostViewed"] && reply.events.map(\.stream) == [StreamName("views", Self.posts[0])])
            let two = Self.posts.prefix(2).map { #"{"post":"\#($0.lowercased)","count":1}"# }.joined(separator: ",")
            let refused = try await Self.send(#"{"views":[\#(two)]}"#, to: newsroom)
            #expect(refused.status == 422 && refused.fields == ["views"] && refused.happened == [])
        }
    }

    @Test(arguments: ["null", "1", #""x""#]) func `need a window that can be one`(window: String) async throws {
        try await Newsroom.open { newsroom in
            let body = #"{"window":\#(window),"views":[{"post":"\#(Self.posts[0].lowercased)","count":1}]}"#
            let reply = try await Self.send(body, to: newsroom)
            #expect(reply.status == 422 && reply.fields == ["window"] && reply.happened == [])
        }
    }

    @Test func `add up whoever counts`() async throws {
        try await Newsroom.open { newsroom in
            let body = Self.body(Self.posts.map { ($0, "1") })
            let replies = try await newsroom.send(32, .post, "/internal/views", { _ in body }, headers: Newsroom.asService(.queries))
            #expect(replies.allSatisfy { $0.status == 200 })
            #expect(try await newsroom.events(of: StreamName("viewwindow", Self.window)).map(\.version) == Array(1...32))
        }
    }

    @Test(arguments: [
        #"{}"#, #"{"views":[]}"#, #"{"views":{}}"#, #"{"views":[1]}"#, #"{"views":[{"post":"x","count":1}]}"#,
        #"{"views":[{"post":"00000000-0000-7000-8000-000000000000"}]}"#,
    ])
    func `need a post and a count`(body: String) async throws {
        try await Newsroom.open { newsroom in
            let reply = try await Self.send(body, to: newsroom)
            #expect(reply.status == 422 && reply.fields == ["views"] && reply.happened == [])
        }
    }

    @Test(arguments: ["0", "-1", "1000000001", "1.5", "\"1\"", "9223372036854775807"]) func `need a count that can be one`(count: String) async throws
    {
        try await Newsroom.open { newsroom in
            let reply = try await Self.send(Self.body([(Self.posts[0], "1"), (Self.posts[1], count)]), to: newsroom)
            #expect(reply.status == 422 && reply.happened == [])
        }
    }

    @Test func `of one post are too many together, too`() async throws {
        try await Newsroom.open { newsroom in
            let reply = try await Self.send(Self.body([(Self.posts[0], "1000000000"), (Self.posts[0], "1")]), to: newsroom)
            #expect(reply.status == 422 && reply.happened == [])
        }
    }

    @Test func `under a caller's key are a command of the caller's`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let body = Self.alone(post.id)
            var headers = Newsroom.asService(.queries, key: "k")
            headers[try #require(HTTPField.Name("X-Annals-Caller"))] = ann.id.lowercased
            #expect(try await newsroom.call(.post, "/internal/views", body, headers: headers).status == 200)
            let edit = try await newsroom.call(.patch, post.path, #"{"title":"Another"}"#, by: ann, headers: .idempotencyKey("k"))
            #expect(edit.status == 422 && edit.code == "IDEMPOTENCY_KEY_REUSED")
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Another"}"#, by: ann, headers: .idempotencyKey("l"))
            headers[.idempotencyKey] = "l"
            #expect(try await newsroom.call(.post, "/internal/views", body, headers: headers).code == "IDEMPOTENCY_KEY_REUSED")
        }
    }

    @Test func `can be asked for without being recorded`() async throws {
        try await Newsroom.open { newsroom in
            let views = #""views":[{"post":"\#(Self.posts[0].lowercased)","count":1}]"#
            let unknown = try await Self.send("{\(views),\"recorded\":true}", to: newsroom, key: "k")
            #expect(unknown.status == 404 && unknown.happened == [])
            let first = try await Self.send("{\(views)}", to: newsroom, key: "k")
            let again = try await Self.send("{\(views),\"recorded\":true}", to: newsroom, key: "k")
            #expect(first.status == 200 && again.isReplay && again.repeatable == first.repeatable && again.happened == [])
            let other = try await Self.send(Self.alone(Self.posts[1]).replacing("}]}", with: #"}],"recorded":true}"#), to: newsroom, key: "k")
            #expect(other.code == "IDEMPOTENCY_KEY_REUSED")
        }
    }

    @Test func `are taken from services only`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("root", role: .admin)
            let body = Self.body([(Self.posts[0], "1")])
            #expect(try await newsroom.call(.post, "/internal/views", body, by: admin).status == 404)
            #expect(try await newsroom.call(.post, "/internal/views", body).status == 404)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The position of a post` {
    @Test func `is that of its last event, for the query service alone`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: true)
            let position = try await newsroom.log.store.head()
            _ = try await newsroom.person("bob")
            let path = "/internal/posts/\(post.id.lowercased)/position"
            #expect(try await newsroom.send(.get, path, headers: Newsroom.asService(.queries)).data?["position"] == .integer(position))
            #expect(try await newsroom.send(.get, path, headers: Newsroom.asService(.auth)).status == 404)
            #expect(try await newsroom.send(.get, path, by: ann).status == 404)
            let unknown = "/internal/posts/\(UUID.v7().lowercased)/position"
            #expect(try await newsroom.send(.get, unknown, headers: Newsroom.asService(.queries)).status == 404)
        }
    }
}

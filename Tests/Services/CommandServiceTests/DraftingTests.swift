import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Writing a post` {
    private static let posts = "/api/v1/posts"

    @Test func `drafts it under the slug asked for`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"Grüße 👋🏽","content":"שלום\n\t🙂","slug":"hello"}"#, by: ann)
            let event = try #require(reply.events.first)
            #expect(reply.happened == ["PostDrafted"])
            #expect(
                event.data == [
                    "author": .string(ann.id.lowercased), "title": .string("Grüße 👋🏽"), "slug": .string("hello"), "content": .string("שלום\n\t🙂"),
                ])
            #expect(reply.status == 201)
            #expect(reply.text == #"{"data":{"id":"\#(event.stream.id.lowercased)","slug":"hello","version":1}}"#)
            #expect(reply.headers[.location] == "/api/v1/posts/\(event.stream.id.lowercased)")
            #expect(reply.headers[.eTag] == "\"1\"")
            #expect(reply.position == event.position)
        }
    }

    @Test func `publishes it at once when asked to`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"A","content":"B","publish":true}"#, by: ann)
            #expect(reply.happened == ["PostDrafted", "PostPublished"])
            #expect(reply.events.last?.data == [:])
            #expect(reply.headers[.eTag] == "\"2\"" && reply.data?["version"] == .integer(2))
            #expect(reply.position == reply.events.last?.position)
        }
    }

    @Test(arguments: [("Hello, World!", "hello-world"), ("Ünïcödé — straße", "unicode-strasse"), ("日本語", "ri-ben-yu")])
    func `makes the slug from the title`(title: String, slug: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"\#(title)","content":"B"}"#, by: ann)
            #expect(reply.data?["slug"] == .string(slug))
        }
    }

    @Test func `numbers a made slug that is taken`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            var slugs: [String] = []
            for _ in 0..<7 {
                let reply = try await newsroom.call(.post, Self.posts, #"{"title":"News","content":"B"}"#, by: ann)
                #expect(reply.status == 201 && reply.happened == ["PostDrafted"])
                slugs.append(try #require(reply.data?["slug"]?.text))
            }
            #expect(slugs.prefix(4) == ["news", "news-2", "news-3", "news-4"])
            #expect(Set(slugs).count == 7)
            #expect(slugs.allSatisfy { $0.hasPrefix("news") })
        }
    }

    @Test func `appends once for a title that many have, and gives its plain slug again when that is free`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let store = CountingStore(newsroom.log.store)
            let counted = newsroom.on(store)
            func draft() async throws -> (slug: String?, id: String?) {
                let reply = try await counted.call(.post, Self.posts, #"{"title":"News","content":"B"}"#, by: ann)
                return (reply.data?["slug"]?.text, reply.data?["id"]?.text)
            }
            let first = try await draft()
            for _ in 0..<5 { _ = try await draft() }
            let before = store.appendCount
            for _ in 0..<20 { _ = try await draft() }
            // Of 100,000 numbers, two may be drawn twice.
            #expect(store.appendCount - before <= 22)
            let id = try #require(first.id)
            _ = try await counted.call(.delete, "\(Self.posts)/\(id)", nil, by: ann)
            let (again, another) = (try await draft(), try await draft())
            #expect(again.slug == "news" && another.slug != "news")
        }
    }

    @Test func `refuses a chosen slug that is taken`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let bob = try await newsroom.person("bob")
            _ = try await newsroom.call(.post, Self.posts, #"{"title":"A","content":"B","slug":"mine"}"#, by: ann)
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"A","content":"B","slug":"mine"}"#, by: bob)
            #expect(reply.status == 409 && reply.code == "DUPLICATE_ENTRY")
            #expect(reply.fields == ["slug"])
            #expect(reply.happened == [])
        }
    }

    @Test func `gives one of 64 a slug that they all ask for`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let replies = try await newsroom.send(64, .post, Self.posts, { #"{"title":"Post \#($0)","content":"B","slug":"mine"}"# }, by: ann)
            #expect(replies.filter { $0.status == 201 }.count == 1)
            #expect(replies.filter { $0.status == 409 && $0.fields == ["slug"] }.count == 63)
            #expect(try await newsroom.log.value("SELECT count(*) FROM log.events WHERE type = 'PostDrafted'") == "1")
        }
    }

    @Test func `frees the slug of a deleted post`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            _ = try await newsroom.call(.delete, post.path, by: ann)
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"B","content":"B","slug":"a-title"}"#, by: ann)
            #expect(reply.status == 201)
        }
    }

    @Test func `makes the slug where null is given for it`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, Self.posts, #"{"title":"Привет, мир","content":"B","slug":null,"publish":null}"#, by: ann)
            #expect(reply.status == 201 && reply.data?["slug"]?.text == "privet-mir" && reply.happened == ["PostDrafted"])
        }
    }

    @Test func `names every field that is wrong`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let body = #"{"title":"","slug":"No!","publish":"yes","author":"me","id":1}"#
            let reply = try await newsroom.call(.post, Self.posts, body, by: ann)
            #expect(reply.status == 422 && reply.code == "VALIDATION_ERROR")
            #expect(reply.fields == ["title", "content", "slug", "publish", "author", "id"])
            #expect(reply.happened == [])
        }
    }

    @Test(arguments: [
        (#"{"title":"a\u0000b","content":"B"}"#, 422, ["title"]), (#"{"title":"A","content":"a\u0000b"}"#, 422, ["content"]),
        (#"{"title":"\ud800","content":"B"}"#, 400, []), (#"{"title":"A","content":"B""#, 400, []), (#"["title"]"#, 400, []), ("", 400, []),
        (#"{"title":null,"content":1}"#, 422, ["title", "content"]),
    ])
    func `refuses what can't be meant`(body: String, status: Int, fields: [String]) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, Self.posts, body, by: ann)
            #expect(reply.status == status)
            #expect(reply.fields == fields)
            #expect(reply.headers[.contentType] == "application/problem+json")
            #expect(reply.happened == [])
        }
    }

    @Test(arguments: [(255, 200_000, true), (256, 1, false), (1, 200_001, false)])
    func `counts Unicode scalars`(title: Int, content: Int, isAccepted: Bool) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let body = #"{"title":"\#(String(repeating: "🙂", count: title))","content":"\#(String(repeating: "🙂", count: content))"}"#
            #expect(try await newsroom.call(.post, Self.posts, body, by: ann).status == (isAccepted ? 201 : 422))
        }
    }
}

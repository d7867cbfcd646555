import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Editing a post` {
    @Test func `stores what changed and nothing else`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.patch, post.path, #"{"title":"A title","content":"Other words","slug":"other"}"#, by: ann)
            #expect(reply.happened == ["PostEdited"])
            #expect(reply.events.first?.data == ["slug": .string("other"), "content": .string("Other words")])
            #expect(reply.status == 200)
            #expect(reply.text == #"{"data":{"id":"\#(post.id.lowercased)","slug":"other","version":2}}"#)
            #expect(reply.headers[.eTag] == "\"2\"")
            #expect(reply.position == reply.events.first?.position)
        }
    }

    @Test func `sees the difference between composed and decomposed letters`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, title: "caf\u{E9}")
            let reply = try await newsroom.call(.patch, post.path, "{\"title\":\"cafe\u{301}\"}", by: ann)
            #expect(reply.happened == ["PostEdited"])
        }
    }

    @Test(arguments: [#"{"title":"A title"}"#, #"{"content":"Some words","slug":"a-title"}"#, "{}"])
    func `that changes nothing adds no event and says where the post is`(body: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let position = try await newsroom.log.store.head()
            _ = try await newsroom.post(by: ann, title: "A later one")
            let reply = try await newsroom.call(.patch, post.path, body, by: ann)
            #expect(reply.status == 200 && reply.happened == [])
            #expect(reply.position == position)
            #expect(reply.headers[.eTag] == "\"1\"")
        }
    }

    @Test(arguments: ["\"1\"", "\"1.0123456789abcdef\"", "*", "\"1\", \"1.abc\""]) func `runs against the version named`(tag: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.patch, post.path, #"{"title":"B"}"#, by: ann, headers: .ifMatch(tag))
            #expect(reply.status == 200 && reply.happened == ["PostEdited"])
        }
    }

    @Test(arguments: [
        ("\"2\"", 412), ("\"2.abc\"", 412), ("\"0\"", 412), ("W/\"2\"", 412), ("\"x\"", 412), ("1", 400),
    ])
    func `refuses another version and what is none`(tag: String, status: Int) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            for body in [#"{"title":"B"}"#, "{}"] {
                let reply = try await newsroom.call(.patch, post.path, body, by: ann, headers: .ifMatch(tag))
                #expect(reply.status == status)
                #expect(reply.code == (status == 412 ? "PRECONDITION_FAILED" : "MALFORMED_REQUEST"))
                #expect(reply.happened == [])
            }
        }
    }

    @Test func `names every field that is wrong`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.patch, post.path, #"{"title":"","content":1,"slug":"A","publish":true}"#, by: ann)
            #expect(reply.status == 422)
            #expect(reply.fields == ["title", "slug", "content", "publish"])
        }
    }

    @Test func `refuses a slug that another post has, and lets the old one go`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let first = try await newsroom.post(by: ann, title: "First")
            let second = try await newsroom.post(by: ann, title: "Second")
            let refused = try await newsroom.call(.patch, second.path, #"{"slug":"first"}"#, by: ann)
            #expect(refused.status == 409 && refused.fields == ["slug"] && refused.happened == [])
            #expect(try await newsroom.call(.patch, first.path, #"{"slug":"third"}"#, by: ann).status == 200)
            #expect(try await newsroom.call(.patch, second.path, #"{"slug":"first"}"#, by: ann).status == 200)
        }
    }
}

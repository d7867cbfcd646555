import EventSourcing
import HTTPContract
import HTTPTypes
import Testing

@Suite(.timeLimit(.minutes(5))) struct `If-Match on a command` {
    private static func edit(_ post: DraftedPost, of newsroom: Newsroom, by person: Newsroom.Person, _ headers: HTTPFields) async throws -> Reply {
        try await newsroom.call(.patch, post.path, #"{"title":"Another"}"#, by: person, headers: headers)
    }

    @Test(arguments: ["\"1\"", "\"1.abc\"", "\"999\", \"1\"", "W/\"1.0123456789abcdef\"", "\"1\",", ",, \"7\" , ,\"1\"", "*"])
    func `lets through what names the present version`(tags: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await Self.edit(newsroom.post(by: ann), of: newsroom, by: ann, .ifMatch(tags))
            #expect(reply.status == 200 && reply.happened == ["PostEdited"])
        }
    }

    @Test(arguments: [("\"2\"", 412), ("\"2\", \"3\"", 412), ("W/\"2\"", 412), ("\"abc\"", 412), ("1", 400), ("", 400), (",", 400)])
    func `lets nothing else through`(tags: String, status: Int) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await Self.edit(newsroom.post(by: ann), of: newsroom, by: ann, .ifMatch(tags))
            #expect(reply.status == status && reply.happened == [])
        }
    }

    @Test(arguments: ["\"1\"", "\"7\"", "W/\"1\"", "\"abc\"", "\"1\", \"2\""])
    func `is not looked at when the command is a repeat`(tags: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let first = try await Self.edit(post, of: newsroom, by: ann, [.idempotencyKey: "k", .ifMatch: "\"1\""])
            let again = try await Self.edit(post, of: newsroom, by: ann, [.idempotencyKey: "k", .ifMatch: tags])
            #expect(first.status == 200 && again.isReplay && again.repeatable == first.repeatable)
        }
    }

    @Test func `on a new post says nothing`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann, headers: .ifMatch("\"1\""))
            #expect(reply.status == 201)
        }
    }
}

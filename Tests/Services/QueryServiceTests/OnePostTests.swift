import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `One post` {
    @Test func `is shown with its author and its views, in exactly these members`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Hello 👋🏽 שלום", by: ann.id, slug: "hello", content: "Words\nand \"words\"", publishedAt: 7, views: 5)
            let reply = try await room.get("/api/v1/posts/\(id.lowercased)")
            #expect(reply.status == 200)
            #expect(
                reply.text == """
                    {"data":{"id":"\(id.lowercased)","title":"Hello 👋🏽 שלום","slug":"hello","content":"Words\\nand \\"words\\"","published":true,"viewCount":5,\
                    "author":{"id":"\(ann.id.lowercased)","username":"ann","displayName":"ANN"},"createdAt":"2026-01-01T00:00:00.000Z",\
                    "updatedAt":"2026-01-01T00:00:00.000Z","publishedAt":"2026-01-01T00:00:07.000Z","version":3}}
                    """)
            #expect(reply.headers[.cacheControl] == "private, no-cache")
            #expect(try await room.get("/api/v1/posts/by-slug/hello").data == reply.data)
        }
    }

    @Test func `keeps its author when all about them is forgotten`() async throws {
        try await Newsroom.open { room in
            let gone = try await room.register("gone", status: "closed")
            let id = try await room.post(nil, by: gone.id, content: nil)
            let orphan = try await room.post("Nobody's", by: .v7())
            let post = try await room.get("/api/v1/posts/\(id.lowercased)").data
            #expect(post?["title"] == .null && post?["slug"] == .null && post?["content"] == .null)
            #expect(post?["author"] == .object(["id": .string(gone.id.lowercased), "username": .null, "displayName": .null]))
            #expect(try await room.get("/api/v1/posts/\(orphan.lowercased)").data?["author"]?["username"] == .null)
        }
    }

    @Test func `is a draft only for its author and for admins`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let bob = try await room.register("bob")
            let id = try await room.post("Draft", by: ann.id, slug: "draft", publishedAt: nil)
            for path in ["/api/v1/posts/\(id.lowercased)", "/api/v1/posts/by-slug/draft"] {
                #expect(try await room.get(path).status == 404)
                #expect(try await room.get(path, as: bob).status == 404)
                let own = try await room.get(path, as: ann)
                #expect(own.status == 200 && own.data?["publishedAt"] == .null && own.data?["published"] == .bool(false))
                #expect(try await room.get(path, as: .admin()).status == 200)
            }
        }
    }

    @Test func `is not found under an id or a slug that nothing has`() async throws {
        try await Newsroom.open { room in
            try await room.move("posts", to: 9)
            let reply = try await room.get("/api/v1/posts/\(UUID.v7().lowercased)")
            #expect(reply.status == 404 && reply.code == "NOT_FOUND" && reply.position == "0")
            #expect(try await room.get("/api/v1/posts/by-slug/nothing").status == 404)
        }
    }

    @Test(arguments: ["a%00b", "Caps", "%F0%9F%98%80", "a%20b", String(repeating: "a", count: 301)])
    func `is not found under what can't be a slug`(slug: String) async throws {
        try await Newsroom.open { room in
            let reply = try await room.get("/api/v1/posts/by-slug/\(slug)")
            #expect(reply.status == 404 && reply.headers[.contentType] == "application/problem+json")
        }
    }

    @Test(arguments: ["1", "not-a-uuid", "0198A3C4-0000-7000-8000-000000000000", "0198a3c4-0000-7000-8000-00000000000%00"])
    func `needs a UUID in lower case`(id: String) async throws {
        try await Newsroom.open { room in
            let reply = try await room.get("/api/v1/posts/\(id)")
            #expect(reply.status == 400 && reply.code == "MALFORMED_REQUEST")
        }
    }

    @Test func `is not sent again to who has it`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let path = "/api/v1/posts/\(try await room.post("Title", by: ann.id).lowercased)"
            let first = try await room.get(path, as: ann)
            let tag = try #require(first.tag)
            #expect(tag.hasPrefix("W/\"3.") && tag.utf8.count == 22)
            let again = try await room.get(path, as: ann, [.ifNoneMatch: tag])
            #expect(again.status == 304 && again.text.isEmpty && again.tag == tag && again.position == "0")
            try await room.owner.query(.init("rename", "UPDATE users.account SET display_name = 'Ann B.'"))
            let changed = try await room.get(path, as: ann, [.ifNoneMatch: tag])
            #expect(changed.status == 200 && changed.tag != tag)
        }
    }

    @Test func `keeps its tag while it is only viewed, alone and in a list`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7())
            let path = "/api/v1/posts/\(id.lowercased)"
            let (post, list) = (try await room.get(path), try await room.get("/api/v1/posts"))
            try await room.owner.query(.init("view", "UPDATE view_counts.total SET count = 7"))
            let seen = try await room.get(path)
            #expect(seen.data?["viewCount"] == .integer(7) && seen.tag == post.tag)
            #expect(try await room.get(path, [.ifNoneMatch: post.tag ?? ""]).status == 304)
            #expect(try await room.get("/api/v1/posts", [.ifNoneMatch: list.tag ?? ""]).status == 304)
        }
    }

    @Test func `is answered to HEAD without a body`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7())
            let reply = try await room.send(.head, "/api/v1/posts/\(id.lowercased)", [:])
            #expect(reply.status == 200 && reply.text.isEmpty && reply.tag != nil)
        }
    }
}

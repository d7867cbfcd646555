import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `A list of posts` {
    @Test func `shows published posts newest first, with an excerpt in place of the content`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let old = try await room.post("Old", by: ann.id, content: String(repeating: "🙂", count: 250), publishedAt: 1)
            let new = try await room.post("New", by: ann.id, publishedAt: 2)
            try await room.post("Draft", by: ann.id, publishedAt: nil)
            let reply = try await room.get("/api/v1/posts", as: ann)
            #expect(reply.ids == [new.lowercased, old.lowercased])
            let item = try #require(reply.data?.elements.last)
            #expect(item["excerpt"]?.text == String(repeating: "🙂", count: 200))
            #expect(
                item.members?.names == [
                    "id", "title", "slug", "excerpt", "published", "viewCount", "author", "createdAt", "updatedAt", "publishedAt", "version",
                ])
            #expect(reply.json["pagination"] == .object(["limit": .integer(20), "total": .integer(2), "page": .integer(1), "pages": .integer(1)]))
        }
    }

    @Test func `is empty before anything is published`() async throws {
        try await Newsroom.open { room in
            let text = try await room.get("/api/v1/posts").text
            #expect(text == #"{"data":[],"pagination":{"limit":20,"total":0,"page":1,"pages":0}}"#)
        }
    }

    @Test func `is tagged by its content`() async throws {
        try await Newsroom.open { room in
            try await room.post("One", by: .v7())
            let tag = try #require(try await room.get("/api/v1/posts").tag)
            #expect(!tag.contains(".") && tag.hasPrefix("W/\""))
            let again = try await room.get("/api/v1/posts", [.ifNoneMatch: tag])
            #expect(again.status == 304 && again.tag == tag && again.position == "0")
            try await room.post("Two", by: .v7())
            #expect(try await room.get("/api/v1/posts", [.ifNoneMatch: tag]).status == 200)
        }
    }

    @Test func `walked by cursor loses and doubles nothing while posts are added`() async throws {
        try await Newsroom.open { room in
            let author = UUID.v7()
            var expected: [String] = []
            // Several posts share each second: the id decides between them.
            for number in 0..<30 { expected.append(try await room.post("\(number)", by: author, publishedAt: Int64(number / 4)).lowercased) }
            for filter in ["", "author=\(author.lowercased)&"] {
                var seen: [String] = []
                var page = try await room.get("/api/v1/posts?\(filter)limit=7")
                seen += page.ids
                while let cursor = page.nextCursor {
                    try await room.post("New", by: author, publishedAt: 1000)
                    page = try await room.get("/api/v1/posts?\(filter)limit=7&cursor=\(cursor)")
                    #expect(page.json["pagination"]?["page"] == nil && page.json["pagination"]?["pages"] == nil)
                    seen += page.ids
                }
                #expect(Set(seen).count == seen.count)
                #expect(Set(seen).isSuperset(of: expected))
                expected = try await room.get("/api/v1/posts?limit=100").ids
            }
        }
    }

    @Test func `can be read by pages too`() async throws {
        try await Newsroom.open { room in
            let author = UUID.v7()
            for number in 0..<7 { try await room.post("\(number)", by: author, publishedAt: Int64(number), views: Int64(number % 3)) }
            for filter in ["", "&sort=views", "&author=\(author.lowercased)", "&author=\(author.lowercased)&sort=views"] {
                let all = try await room.get("/api/v1/posts?limit=100\(filter)").ids
                var pages: [String] = []
                for page in 1...4 { pages += try await room.get("/api/v1/posts?limit=2&page=\(page)\(filter)").ids }
                #expect(all.count == 7 && pages == all, "\(filter)")
                let third = try await room.get("/api/v1/posts?limit=2&page=3\(filter)")
                let rest = try await room.get("/api/v1/posts?limit=2\(filter)&cursor=\(try #require(third.nextCursor))")
                #expect(third.ids + rest.ids == Array(all.suffix(3)) && rest.nextCursor == nil)
                #expect(third.json["pagination"]?["page"] == .integer(3) && third.json["pagination"]?["pages"] == .integer(4))
                #expect(try await room.get("/api/v1/posts?limit=2&page=5\(filter)").ids == [])
            }
        }
    }

    @Test func `can be sorted by views`() async throws {
        try await Newsroom.open { room in
            let author = UUID.v7()
            let few = try await room.post("Few", by: author, publishedAt: 2, views: 1)
            let many = try await room.post("Many", by: author, publishedAt: 1, views: 9)
            let none = try await room.post("None", by: author, publishedAt: 3)
            try await room.post("Draft", by: author, publishedAt: nil, views: 100)
            for filter in ["", "&author=\(author.lowercased)"] {
                var page = try await room.get("/api/v1/posts?sort=views&limit=1\(filter)")
                var seen = page.ids
                while let cursor = page.nextCursor {
                    page = try await room.get("/api/v1/posts?sort=views&limit=1\(filter)&cursor=\(cursor)")
                    seen += page.ids
                }
                #expect(seen == [many, few, none].map(\.lowercased))
            }
        }
    }

    @Test func `takes its own cursors only`() async throws {
        try await Newsroom.open { room in
            let author = UUID.v7()
            for number in 0..<3 { try await room.post("\(number)", by: author, publishedAt: Int64(number)) }
            let cursor = try #require(try await room.get("/api/v1/posts?limit=1").nextCursor)
            let flipped = (cursor.first == "W" ? "X" : "W") + cursor.dropFirst()
            for wrong in [
                "cursor=\(flipped)", "cursor=\(cursor)x", "cursor=%00", "cursor=\(cursor)&sort=views",
                "cursor=\(cursor)&author=\(author.lowercased)",
            ] {
                let reply = try await room.get("/api/v1/posts?limit=1&\(wrong)")
                #expect(reply.status == (wrong == "cursor=%00" ? 422 : 400), "\(wrong)")
            }
            #expect(try await room.get("/api/v1/users/\(author.lowercased)/posts?cursor=\(cursor)").status == 400)
            #expect(try await room.get("/api/v1/users?cursor=\(cursor)", as: .admin()).status == 400)
            #expect(try await room.get("/api/v1/posts?limit=1&cursor=\(cursor)").status == 200)
            // An empty one is none.
            let first = try await room.get("/api/v1/posts?limit=1&cursor=")
            #expect(first.status == 200 && first.nextCursor == cursor)
        }
    }

    @Test func `names everything that is wrong with the query at once`() async throws {
        try await Newsroom.open { room in
            let reply = try await room.get("/api/v1/posts?limit=0&page=x&sort=best")
            #expect(reply.status == 422 && reply.code == "VALIDATION_ERROR")
            #expect(Set(reply.refusedFields) == ["limit", "page", "sort"])
            for query in [
                "limit=101", "limit=", "limit=1.5", "page=0", "page=-1", "page=99999999999999999999", "limit=100&page=1001", "page=1&cursor=x",
            ] {
                #expect(try await room.get("/api/v1/posts?\(query)").status == 422, "\(query)")
            }
            #expect(try await room.get("/api/v1/posts?limit=100&page=1000").status == 200)
            #expect(try await room.get("/api/v1/posts?author=x").status == 400)
        }
    }

    @Test func `of an author who has none is empty`() async throws {
        try await Newsroom.open { room in
            try await room.post("Another's", by: .v7())
            let reply = try await room.get("/api/v1/posts?author=\(UUID.v7().lowercased)")
            #expect(reply.status == 200 && reply.ids == [] && reply.json["pagination"]?["total"] == .integer(0))
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A user's posts` {
    @Test func `are drafts too for the author and for admins, and published ones for others`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let bob = try await room.register("bob")
            let published = try await room.post("Out", by: ann.id, publishedAt: 1, draftedAt: 1)
            let draft = try await room.post("Draft", by: ann.id, publishedAt: nil, draftedAt: 2)
            try await room.post("Bob's", by: bob.id)
            let path = "/api/v1/users/\(ann.id.lowercased)/posts"
            for reader in [nil, bob] {
                let reply = try await room.get(path, as: reader)
                #expect(reply.ids == [published.lowercased] && reply.json["pagination"]?["total"] == .integer(1))
            }
            for reader in [ann, .admin()] {
                let reply = try await room.get(path, as: reader)
                #expect(reply.ids == [draft, published].map(\.lowercased) && reply.json["pagination"]?["total"] == .integer(2))
                #expect(try await room.get(path + "?limit=1&page=2", as: reader).ids == [published.lowercased])
                let first = try await room.get(path + "?limit=1", as: reader)
                let cursor = try #require(first.nextCursor)
                #expect(try await room.get(path + "?cursor=\(cursor)", as: reader).ids == [published.lowercased])
                #expect(try await room.get(path + "?cursor=\(cursor)").status == 400)
            }
        }
    }

    @Test func `are not found where there is no account`() async throws {
        try await Newsroom.open { room in
            let gone = try await room.register("gone", status: "closed")
            #expect(try await room.get("/api/v1/users/\(gone.id.lowercased)/posts").status == 404)
            #expect(try await room.get("/api/v1/users/\(UUID.v7().lowercased)/posts").status == 404)
        }
    }
}

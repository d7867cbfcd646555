import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `A user` {
    @Test func `is shown to anyone without an address, with the number of published posts`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann", second: 5)
            try await room.post("Out", by: ann.id)
            try await room.post("Draft", by: ann.id, publishedAt: nil)
            let reply = try await room.get("/api/v1/users/\(ann.id.lowercased)")
            #expect(
                reply.text == """
                    {"data":{"id":"\(ann.id.lowercased)","username":"ann","displayName":"ANN","bio":null,"role":"user","postCount":1,\
                    "createdAt":"2026-01-01T00:00:05.000Z","version":1}}
                    """)
            let tag = try #require(reply.tag)
            #expect(tag.hasPrefix("W/\"1."))
            #expect(try await room.get("/api/v1/users/\(ann.id.lowercased)", [.ifNoneMatch: tag]).status == 304)
        }
    }

    @Test func `is shown without parameters`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            for path in ["/api/v1/users/\(ann.id.lowercased)", "/api/v1/users/me"] {
                let reply = try await room.get("\(path)?fields=bio", as: ann)
                #expect(reply.status == 422 && reply.refusedFields == ["fields"])
            }
        }
    }

    @Test func `sees the own address`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let reply = try await room.get("/api/v1/users/me", as: ann)
            #expect(reply.status == 200 && reply.data?["email"]?.text == "ann@example.org" && reply.data?["id"]?.text == ann.id.lowercased)
            let anonymous = try await room.get("/api/v1/users/me")
            #expect(anonymous.status == 401 && anonymous.headers[.wwwAuthenticate] == "Bearer")
        }
    }

    @Test func `is gone once the account is closed, and stays while it is only deactivated`() async throws {
        try await Newsroom.open { room in
            let gone = try await room.register("gone", status: "closed")
            let paused = try await room.register("paused", status: "deactivated")
            #expect(try await room.get("/api/v1/users/\(gone.id.lowercased)").status == 404)
            #expect(try await room.get("/api/v1/users/me", as: gone).status == 404)
            #expect(try await room.get("/api/v1/users/\(paused.id.lowercased)").status == 200)
            #expect(try await room.get("/api/v1/users/\(UUID.v7().lowercased)").status == 404)
            #expect(try await room.get("/api/v1/users/someone").status == 400)
        }
    }

    @Test func `is READ_MODEL_BEHIND, not missing, while its first event could not be applied`() async throws {
        try await Newsroom.open { room in
            let ann = Reader(id: .v7())
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 9) }
            try await room.park(ann.id, in: "users", at: 3)
            for path in ["/api/v1/users/me", "/api/v1/users/\(ann.id.lowercased)"] {
                let reply = try await room.get(path, as: ann)
                #expect(reply.status == 503 && reply.code == "READ_MODEL_BEHIND")
            }
            #expect(try await room.get("/api/v1/users/me", as: Reader(id: .v7())).status == 404)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The list of users` {
    @Test func `is for admins`() async throws {
        try await Newsroom.open { room in
            let anonymous = try await room.get("/api/v1/users")
            let user = try await room.get("/api/v1/users", as: Reader(id: .v7()))
            #expect(anonymous.status == 401 && user.status == 403)
        }
    }

    @Test func `is walked by cursor, newest first, without closed accounts`() async throws {
        try await Newsroom.open { room in
            var accounts: [(second: Int64, id: String)] = []
            for second: Int64 in [0, 0, 1, 1, 2] {
                accounts.append((second, try await room.register("user\(accounts.count)", second: second).id.lowercased))
            }
            let expected = accounts.sorted { ($0.second, $0.id) > ($1.second, $1.id) }.map(\.id)
            try await room.register("gone", status: "closed")
            var page = try await room.get("/api/v1/users?limit=2", as: .admin())
            #expect(page.json["pagination"]?["total"] == .integer(5) && page.json["pagination"]?["page"] == nil)
            #expect(page.data?.elements.first?["status"]?.text == "active" && page.data?.elements.first?["email"] == nil)
            var seen = page.ids
            while let cursor = page.nextCursor {
                page = try await room.get("/api/v1/users?limit=2&cursor=\(cursor)", as: .admin())
                seen += page.ids
            }
            #expect(seen == expected)
        }
    }

    @Test func `can be asked for one username`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            try await room.register("anna")
            let reply = try await room.get("/api/v1/users?username=ann", as: .admin())
            #expect(reply.ids == [ann.id.lowercased] && reply.json["pagination"]?["total"] == .integer(1))
            let none = try await room.get("/api/v1/users?username=bob", as: .admin())
            #expect(none.ids == [] && none.json["pagination"]?["total"] == .integer(0))
            #expect(try await room.get("/api/v1/users?username=a%00b", as: .admin()).status == 422)
            #expect(try await room.get("/api/v1/users?page=2&limti=5", as: .admin()).refusedFields == ["page", "limti"])
        }
    }
}

import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Postgres
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `The freshness of an answer` {
    @Test func `is the lowest position of the models that it joins`() async throws {
        try await Newsroom.open { room in
            try await room.move("posts", to: 9)
            try await room.move("view_counts", to: 7)
            try await room.move("users", to: 8)
            #expect(try await room.get("/api/v1/posts").position == "7")
            #expect(try await room.get("/api/v1/users/\(UUID.v7().lowercased)").position == "8")
        }
    }

    @Test func `is waited for`() async throws {
        try await Newsroom.open { room in
            let id = UUID.v7()
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 4) }
            async let reply = room.get("/api/v1/posts/\(id.lowercased)", [.waitForPosition: "5", .prefer: "wait=10"])
            try await room.post("Late", by: .v7(), id: id)
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            #expect(try await reply.status == 200)
            #expect(try await reply.position == "5")
        }
    }

    @Test func `that is reached already costs no wait`() async throws {
        try await Newsroom.open { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            #expect(try await room.get("/api/v1/posts", [.waitForPosition: "5", .prefer: "wait=0"]).status == 200)
        }
    }

    @Test func `that is not reached in time is said, for what exists and for what does not`() async throws {
        try await Newsroom.open { room in
            let id = try await room.post("Title", by: .v7())
            for path in ["/api/v1/posts", "/api/v1/posts/\(id.lowercased)", "/api/v1/posts/\(UUID.v7().lowercased)"] {
                let reply = try await room.get(path, [.waitForPosition: "5", .prefer: "wait=0"])
                #expect(reply.status == 503 && reply.code == "READ_MODEL_BEHIND" && reply.headers[.retryAfter] != nil)
            }
        }
    }

    @Test func `is not there for a post whose events wait behind one that could not be applied`() async throws {
        try await Newsroom.open { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 9) }
            let (parked, other) = (try await room.post("Parked", by: .v7(), slug: "parked"), try await room.post("Other", by: .v7()))
            try await room.park(parked, in: "view_counts", at: 7)
            func code(_ path: String, _ position: Int) async throws -> String? {
                try await room.get(path, [.waitForPosition: "\(position)", .prefer: "wait=0"]).code
            }
            for path in ["/api/v1/posts/\(parked.lowercased)", "/api/v1/posts/by-slug/parked"] {
                #expect(try await code(path, 6) == nil)
                #expect(try await code(path, 7) == "READ_MODEL_BEHIND")
                #expect(try await code(path, 9) == "READ_MODEL_BEHIND")
                #expect(try await room.get(path).status == 200)
            }
            #expect(try await code("/api/v1/posts/\(other.lowercased)", 9) == nil)
            #expect(try await code("/api/v1/posts", 9) == nil)
        }
    }

    @Test(.timeLimit(.minutes(5))) func `means nothing where the tables hold another log than the one that is there`() async throws {
        try await Newsroom.open { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 9) }
            try await room.owner.withSession {
                try await $0.execute(
                    script: "UPDATE annals.checkpoints SET stopped_reason = 'restored', has_diverged = true WHERE model = 'view_counts'")
            }
            // The service hears of it by its poll.
            try await eventually { try await room.get("/api/v1/posts", [.waitForPosition: "5", .prefer: "wait=0"]).code == "READ_MODEL_BEHIND" }
            #expect(try await room.get("/api/v1/posts").status == 200)
            #expect(
                try await room.get("/api/v1/users/\(UUID.v7().lowercased)", [.waitForPosition: "5", .prefer: "wait=0"]).code != "READ_MODEL_BEHIND")
        }
    }

    @Test func `must be asked for with a position`() async throws {
        try await Newsroom.open { room in
            let reply = try await room.get("/api/v1/posts", [.waitForPosition: "soon"])
            #expect(reply.status == 400)
        }
    }
}

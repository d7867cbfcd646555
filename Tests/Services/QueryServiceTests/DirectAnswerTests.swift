import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `An answer on an event loop` {
    /// A room with posts of ann and bob.
    private func withPosts(
        cacheBytes: Int? = nil, _ body: @escaping @Sendable (Newsroom, _ ann: Reader, _ post: String, _ draft: String) async throws -> Void
    ) async throws {
        try await Newsroom.open(cacheBytes: cacheBytes) { room in
            let (ann, bob) = (try await room.register("ann"), try await room.register("bob"))
            let post = try await room.post("Title", by: ann.id, slug: "title", publishedAt: 7, views: 5).lowercased
            let draft = try await room.post("Draft", by: ann.id, slug: "draft", publishedAt: nil).lowercased
            for number in 0..<3 { try await room.post("Post \(number)", by: bob.id, publishedAt: Int64(number)) }
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            try await body(room, ann, "/api/v1/posts/\(post)", "/api/v1/posts/\(draft)")
        }
    }

    @Test func `is the one that a task gives, for a post and for lists`() async throws {
        try await withPosts { room, ann, post, _ in
            let own = "/api/v1/users/\(ann.id.lowercased)/posts"
            let paths = [
                post, "/api/v1/posts/by-slug/title", "/api/v1/posts", "/api/v1/posts?limit=2", "/api/v1/posts?limit=2&page=2",
                "/api/v1/posts?sort=views", "/api/v1/posts?author=\(ann.id.lowercased)", own, own + "?limit=1",
            ]
            for path in paths {
                for reader in [nil, ann, Reader.admin()] as [Reader?] {
                    for method in [HTTPRequest.Method.get, .head] {
                        let both = try await room.both(path, as: reader, [.doNotTrack: "1"], method: method)
                        #expect(both.areAlike && both.direct.status == 200, "\(path): \(both)")
                        #expect(both.direct.position == "5" && both.direct.tag != nil, "\(path)")
                    }
                }
            }
            let list = try await room.both("/api/v1/posts?limit=2").direct
            let cursor = try #require(list.nextCursor)
            let next = try await room.both("/api/v1/posts?limit=2&cursor=\(cursor)")
            #expect(next.areAlike && next.direct.ids.count == 2 && Set(next.direct.ids).isDisjoint(with: list.ids), "\(next)")
        }
    }

    @Test func `is 304 for who has it already`() async throws {
        try await withPosts { room, ann, post, _ in
            for path in [post, "/api/v1/posts/by-slug/title", "/api/v1/posts", "/api/v1/users/\(ann.id.lowercased)/posts"] {
                let tag = try #require(try await room.both(path).direct.tag)
                let again = try await room.both(path, [.ifNoneMatch: tag])
                #expect(again.areAlike && again.direct.status == 304 && again.direct.text.isEmpty && again.direct.tag == tag, "\(again)")
                #expect(again.direct.headers[.contentLength] == nil && again.direct.position == "5")
                #expect(try await room.both(path, [.ifNoneMatch: "W/\"9.0\""]).direct.status == 200)
            }
        }
    }

    @Test func `shows a draft to its author and to admins, and hides it from others`() async throws {
        try await withPosts { room, ann, _, draft in
            for path in [draft, "/api/v1/posts/by-slug/draft"] {
                for (reader, status) in [(nil, 404), (Reader(id: .v7()), 404), (ann, 200), (Reader.admin(), 200)] as [(Reader?, Int)] {
                    let both = try await room.both(path, as: reader)
                    #expect(both.areAlike && both.direct.status == status && both.direct.position == "5", "\(both)")
                }
            }
            let own = "/api/v1/users/\(ann.id.lowercased)/posts"
            for (reader, count) in [(nil, 1), (Reader(id: .v7()), 1), (ann, 2), (Reader.admin(), 2)] as [(Reader?, Int)] {
                let both = try await room.both(own, as: reader)
                #expect(both.areAlike && both.direct.ids.count == count, "\(both)")
            }
        }
    }

    @Test func `says what is wrong in the same words`() async throws {
        try await withPosts { room, ann, post, _ in
            let unknown = UUID.v7().lowercased
            for (path, status) in [
                ("/api/v1/posts/\(unknown)", 404), ("/api/v1/posts/by-slug/nothing", 404), ("/api/v1/posts/by-slug/Caps", 404),
                ("/api/v1/posts/by-slug/a%00b", 404), ("/api/v1/users/\(unknown)/posts", 404), ("/api/v1/posts/not-a-uuid", 400),
                ("/api/v1/users/1/posts", 400), ("/api/v1/posts?author=x", 400), ("/api/v1/posts?cursor=%00", 422),
                ("/api/v1/posts?limit=0&sort=best", 422), (post + "?unknown=1", 422), ("/api/v1/posts?unknown=1", 422),
                ("/api/v1/users/\(ann.id.lowercased)/posts?limit=x", 422),
            ] as [(String, Int)] {
                let both = try await room.both(path, as: ann)
                #expect(both.areAlike && both.direct.status == status, "\(path): \(both)")
                #expect(both.direct.headers[.contentType] == "application/problem+json" && both.direct.json["requestId"]?.text == "call")
            }
        }
    }

    @Test func `is refused with a token that is meant for others`() async throws {
        try await withPosts { room, ann, post, _ in
            var token = ann.token
            token.audience = ["commands"]
            let (usual, direct) = (try await room.pass(.usual, post, as: token), try await room.pass(.direct, post, as: token))
            #expect(direct.status == 401 && BothAnswers(usual: usual, direct: direct).areAlike, "\(direct)")
        }
    }

    @Test func `says that the read models are not there in the same words`() async throws {
        try await withPosts { room, _, post, _ in
            try await room.owner.withSession { try await $0.execute(script: "DROP SCHEMA posts CASCADE") }
            for path in [post, "/api/v1/posts"] {
                let both = try await room.both(path)
                #expect(both.areAlike && both.direct.status == 503 && both.direct.code == "UNAVAILABLE", "\(both)")
            }
        }
    }

    @Test func `is kept for tasks, and given from what they keep`() async throws {
        try await withPosts(cacheBytes: 1 << 20) { room, ann, post, _ in
            let hits = { room.queries.cacheStatistics?.hits ?? 0 }
            let paths = [post, "/api/v1/posts/by-slug/title", "/api/v1/posts", "/api/v1/users/\(ann.id.lowercased)/posts"]
            for (path, ways) in zip(paths, [[Newsroom.Way.direct, .usual], [.usual, .direct], [.direct, .direct], [.usual, .direct]]) {
                let first = try await room.pass(ways[0], path, [.doNotTrack: "1"])
                let before = hits()
                // Until the service knows where its models stand, nothing is kept.
                try await eventually {
                    _ = try await room.pass(ways[0], path, [.doNotTrack: "1"])
                    return hits() > before
                }
                try await eventually {
                    let kept = hits()
                    let again = try await room.pass(ways[1], path, [.doNotTrack: "1"])
                    #expect(BothAnswers(usual: first, direct: again).areAlike, "\(path): \(again)")
                    return hits() > kept
                }
            }
        }
    }

    @Test func `is not given from what is kept when the models have gone on, and a hidden draft never`() async throws {
        try await withPosts(cacheBytes: 1 << 20) { room, ann, post, draft in
            for path in [post, draft] {
                let hits = room.queries.cacheStatistics?.hits ?? 0
                try await eventually {
                    let status = try await room.pass(.direct, path, as: ann.token).status
                    #expect(status == 200)
                    return room.queries.cacheStatistics?.hits ?? 0 > hits
                }
            }
            #expect(try await room.pass(.direct, draft).status == 404)
            try await room.unpublish(try #require(UUID(uuidString: String(post.suffix(36)))))
            try await room.move("posts", to: 6)
            try await eventually { try await room.pass(.direct, post).status == 404 }
            #expect(try await room.pass(.direct, post, as: ann.token).status == 200)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A view by an answer on an event loop` {
    @Test func `is counted as others are`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id, slug: "title").lowercased
            var calls = room.commands.calls.makeAsyncIterator()
            for way in [Newsroom.Way.usual, .direct] {
                let first = try await room.pass(way, "/api/v1/posts/\(id)")
                #expect(await calls.next() == [id: 1])
                #expect(try await room.pass(way, "/api/v1/posts/by-slug/title", [.ifNoneMatch: first.tag ?? ""]).status == 304)
                #expect(await calls.next() == [id: 1])
                #expect(try await room.pass(way, "/api/v1/posts/\(id)", as: Reader(id: .v7()).token).status == 200)
                #expect(await calls.next() == [id: 1])
            }
            #expect(room.commands.counts == [id: 6])
        }
    }

    @Test func `is none for the author, for DNT, for HEAD, for a draft, and for a list`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id).lowercased
            let draft = try await room.post("Draft", by: ann.id, publishedAt: nil).lowercased
            let witness = try await room.post("Witness", by: ann.id).lowercased
            #expect(try await room.pass(.direct, "/api/v1/posts/\(id)", as: ann.token).status == 200)
            #expect(try await room.pass(.direct, "/api/v1/posts/\(id)", [.doNotTrack: "1"]).status == 200)
            #expect(try await room.pass(.direct, "/api/v1/posts/\(id)", method: .head).status == 200)
            #expect(try await room.pass(.direct, "/api/v1/posts/\(draft)", as: Reader.admin().token).status == 200)
            #expect(try await room.pass(.direct, "/api/v1/posts").status == 200)
            #expect(try await room.send(.post, "/api/v1/posts/\(witness)/views").status == 202)
            #expect(room.commands.counts == [witness: 1])
        }
    }

    @Test func `takes from the same share of its address as others`() async throws {
        try await Newsroom.open(window: .threeViewsAViewer) { room in
            let id = try await room.post("Title", by: .v7()).lowercased
            let path = "/api/v1/posts/\(id)"
            for way in [Newsroom.Way.direct, .usual, .direct, .direct, .usual] {
                #expect(try await room.pass(way, path, from: "2001:db8::1").status == 200)
            }
            #expect(try await room.pass(.direct, path, from: "192.0.2.1").status == 200)
            #expect(try await room.send(.post, path + "/views", from: "192.0.2.2").status == 202)
            try await eventually { room.commands.counts == [id: 5] }
        }
    }
}

import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import NIOCore
import Postgres
import Projections
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `An answer that is kept` {
    private struct Text: KeepableAnswer {
        let representation: Representation

        init(_ text: String = "text") { representation = Representation(body: ByteBuffer(string: text), tag: "tag") }
    }

    private static let key = QueryKey(statement: "one", values: [.int8(1)])

    /// The position of the answer that a cache gives at a standing, once it has kept one that was read at a position.
    private func given(readAt position: Int64, in era: Int = 0, at standing: (position: Int64, era: Int)) -> Int64? {
        let cache = AnswerCache<Text>(bytes: 1 << 20)
        let before = ReadModelStanding(position: position, era: era)
        cache.keep(Snapshot(position: position, value: Text()), for: Self.key, since: before)
        return cache.answer(to: Self.key, at: ReadModelStanding(position: standing.position, era: standing.era))?.position
    }

    @Test func `is given until its models are known to be further than it is`() {
        #expect(given(readAt: 7, at: (7, 0)) == 7)
        #expect(given(readAt: 7, at: (6, 0)) == 7)
        #expect(given(readAt: 7, at: (8, 0)) == nil)
    }

    @Test func `is not given when its tables have changed since its question, at whatever position`() {
        #expect(given(readAt: 7, in: 1, at: (7, 2)) == nil)
        #expect(given(readAt: 7, in: 1, at: (6, 2)) == nil)
    }

    @Test func `belongs to one statement and its values`() {
        let cache = AnswerCache<Text>(bytes: 1 << 20)
        let standing = ReadModelStanding(position: 1, era: 0)
        cache.keep(Snapshot(position: 1, value: Text()), for: Self.key, since: standing)
        #expect(cache.answer(to: QueryKey(statement: "one", values: [.int8(2)]), at: standing) == nil)
        #expect(cache.answer(to: QueryKey(statement: "two", values: [.int8(1)]), at: standing) == nil)
        #expect(cache.answer(to: Self.key, at: standing) != nil)
    }

    @Test func `is not replaced by an older one that took longer`() {
        let cache = AnswerCache<Text>(bytes: 1 << 20)
        let standing = ReadModelStanding(position: 1, era: 0)
        cache.keep(Snapshot(position: 2, value: Text()), for: Self.key, since: standing)
        cache.keep(Snapshot(position: 1, value: Text()), for: Self.key, since: standing)
        #expect(cache.answer(to: Self.key, at: standing)?.position == 2)
    }

    @Test func `leaves memory when its models go on`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            try await room.keep(try await room.post("Title", by: .v7()))
            try await withThrowingTaskGroup { group in
                group.addTask { try await room.queries.dropOutdatedAnswers(every: .milliseconds(1)) }
                for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 6) }
                try await eventually { room.queries.cacheStatistics?.bytes == 0 }
                group.cancelAll()
            }
        }
    }

    @Test func `is replaced once one of its models has gone on, though another stands still`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            let id = try await room.post("Title", by: .v7())
            try await room.keep(id)
            try await room.unpublish(id)
            try await room.move("posts", to: 6)
            try await eventually { try await room.get("/api/v1/posts/\(id.lowercased)").status == 404 }
        }
    }

    @Test func `is given again by a running service, for one post and for lists, with the position that it was read at`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            let ann = try await room.register("ann")
            let id = try await room.post("Title", by: ann.id, slug: "title").lowercased
            let paths = ["/api/v1/posts/\(id)", "/api/v1/posts/by-slug/title", "/api/v1/posts", "/api/v1/users/\(ann.id.lowercased)/posts?limit=3"]
            for path in paths {
                let first = try await room.get(path)
                let hits = room.queries.cacheStatistics?.hits ?? 0
                try await eventually {
                    let again = try await room.get(path)
                    #expect(again.text == first.text && again.tag == first.tag && again.position == "5")
                    return room.queries.cacheStatistics?.hits ?? 0 > hits
                }
                #expect(try await room.get(path, [.ifNoneMatch: first.tag ?? ""]).status == 304)
            }
        }
    }

    @Test func `is replaced once the models have gone on`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            let id = try await room.post("Title", by: .v7())
            try await room.keep(id)
            try await room.unpublish(id)
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 6) }
            try await eventually { try await room.get("/api/v1/posts/\(id.lowercased)").status == 404 }
        }
    }

    @Test func `is replaced when other tables take the place of its own, or events are applied late`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            for change in ["build = nextval('annals.build_numbers')", "lease_token = lease_token + 1"] {
                let id = try await room.post("Title", by: .v7())
                try await room.keep(id)
                try await room.unpublish(id)
                try await room.owner.withSession { try await $0.execute(script: "UPDATE annals.checkpoints SET \(change) WHERE model = 'posts'") }
                try await eventually { try await room.get("/api/v1/posts/\(id.lowercased)").status == 404 }
            }
        }
    }

    @Test func `is replaced when the read database was restored to an older position`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 9) }
            let id = try await room.post("Title", by: .v7())
            try await room.keep(id)
            try await room.unpublish(id)
            let restored = "UPDATE annals.checkpoints SET position = 5, event_id = gen_random_uuid()"
            try await room.owner.withSession { try await $0.execute(script: restored) }
            // The service hears of it by its poll.
            try await eventually { try await room.get("/api/v1/posts/\(id.lowercased)").status == 404 }
        }
    }

    @Test func `is not given to a caller who waits for a position`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            for model in ["posts", "users", "view_counts"] { try await room.move(model, to: 5) }
            let id = try await room.post("Title", by: .v7())
            try await room.keep(id)
            try await room.unpublish(id)
            #expect(try await room.get("/api/v1/posts/\(id.lowercased)", [.waitForPosition: "5"]).status == 404)
        }
    }

    @Test func `stays hidden from those who may not read it`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            let ann = try await room.register("ann")
            let draft = try await room.post("Draft", by: ann.id, publishedAt: nil)
            try await room.keep(draft, as: ann)
            #expect(try await room.get("/api/v1/posts/\(draft.lowercased)").status == 404)
            let own = "/api/v1/users/\(ann.id.lowercased)/posts"
            #expect(try await room.get(own, as: ann).ids == [draft.lowercased])
            #expect(try await room.get(own).ids.isEmpty)
            #expect(try await room.get(own, as: ann).ids == [draft.lowercased])
        }
    }

    @Test func `is a view like another`() async throws {
        try await Newsroom.open(cacheBytes: 1 << 20) { room in
            let id = try await room.post("Title", by: .v7())
            try await room.keep(id)
            var calls = room.commands.calls.makeAsyncIterator()
            let hits = room.queries.cacheStatistics?.hits ?? 0
            var views = 0
            try await eventually {
                _ = try await room.get("/api/v1/posts/\(id.lowercased)")
                views += 1
                return room.queries.cacheStatistics?.hits ?? 0 > hits
            }
            var counted: Int64 = 0
            while counted < views { counted += await calls.next()?[id.lowercased] ?? 0 }
            #expect(counted == views)
        }
    }
}

extension Newsroom {
    /// Reads a post, uncounted, until it is given from what is kept.
    fileprivate func keep(_ post: UUID, as reader: Reader? = nil) async throws {
        let hits = queries.cacheStatistics?.hits ?? 0
        try await eventually {
            let reply = try await get("/api/v1/posts/\(post.lowercased)", as: reader, [.doNotTrack: "1"])
            #expect(reply.status == 200)
            return queries.cacheStatistics?.hits ?? 0 > hits
        }
    }
}

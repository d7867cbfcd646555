import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import PublishingAPI
import TestSupport
import Testing

@testable import QueryService

extension Newsroom {
    /// Adds views of a post in the hour that began so long ago at the start of this one, as the trending model counts them.
    fileprivate func trend(_ count: Int64, of post: UUID, hoursAgo: Int64) async throws {
        try await owner.query(
            Statement(
                "trend",
                "INSERT INTO trending.bucket (hour, post, count) VALUES (date_trunc('hour', $1::timestamptz, 'UTC') - $2 * interval '1 hour', $3, $4)"
            ),
            [.timestamp(Self.time(3600 * 100 + 1800)), .int8(hoursAgo), .uuid(post), .int8(count)])
    }

    /// Half past the hour in which `trend` counts.
    fileprivate static var now: Timestamp { Timestamp(milliseconds: time(3600 * 100 + 1800)) }

    fileprivate func trending(limit: Int = 5) async throws -> [UUID] {
        let query = TrendingPosts(now: Self.now, limit: limit)
        return try query.decode(try await read.query(query.statement, query.values)).map(\.id)
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Trending posts` {
    @Test func `are those with the most views in this hour and the 23 before it`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann").id
            var posts: [UUID] = []
            for number in 0..<5 { posts.append(try await room.post("Post \(number)", by: ann)) }
            try await room.trend(9, of: posts[0], hoursAgo: 0)
            try await room.trend(4, of: posts[1], hoursAgo: 0)
            try await room.trend(6, of: posts[1], hoursAgo: 23)
            try await room.trend(1000, of: posts[2], hoursAgo: 24)
            try await room.trend(1, of: posts[2], hoursAgo: 1)
            try await room.trend(1000, of: posts[3], hoursAgo: 24)
            try await room.trend(1000, of: posts[3], hoursAgo: -1)
            #expect(try await room.trending() == [posts[1], posts[0], posts[2]])
            #expect(try await room.trending(limit: 2) == [posts[1], posts[0]])
        }
    }

    @Test func `are published, and of equals the newest comes first`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann").id
            let first = try await room.post("First", by: ann)
            let second = try await room.post("Second", by: ann)
            let draft = try await room.post("Draft", by: ann, publishedAt: nil)
            for post in [first, second, draft, UUID.v7()] { try await room.trend(3, of: post, hoursAgo: 2) }
            #expect(try await room.trending() == [first, second].sorted { $0.lowercased > $1.lowercased })
        }
    }

    @Test func `are items of a list as others are, with a tag, and count no view`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            let post = try await room.post("Title", by: ann.id, views: 7)
            try await room.owner.query(
                Statement("trend_now", "INSERT INTO trending.bucket (hour, post, count) VALUES (date_trunc('hour', $1::timestamptz, 'UTC'), $2, 3)"),
                [.timestamp(Timestamp.now.milliseconds), .uuid(post)])
            let reply = try await room.get("/api/v1/posts/trending?limit=1")
            #expect(reply.status == 200 && reply.ids == [post.lowercased] && reply.position == "0")
            let listed = try await room.get("/api/v1/posts")
            #expect(reply.data?.elements.first == listed.data?.elements.first)
            #expect(try await room.get("/api/v1/posts/trending?limit=1", [.ifNoneMatch: reply.tag ?? ""]).status == 304)
            #expect(room.commands.callCount == 0)
            for query in ["limit=0", "limit=101", "page=1"] {
                #expect(try await room.get("/api/v1/posts/trending?\(query)").status == 422, "\(query)")
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `An author's totals` {
    @Test func `count all their posts, those that are published, and the views of all`() async throws {
        try await Newsroom.open { room in
            let (ann, bob) = (try await room.register("ann"), try await room.register("bob"))
            try await room.post("One", by: ann.id, views: 3)
            try await room.post("Two", by: ann.id, views: 4)
            try await room.post("Draft", by: ann.id, publishedAt: nil, views: 5)
            try await room.post("Other", by: bob.id, views: 100)
            let reply = try await room.get("/api/v1/users/me/totals", as: ann)
            #expect(reply.status == 200)
            #expect(reply.data == .object(["posts": .integer(3), "published": .integer(2), "views": .integer(12)]))
            let none = try await room.get("/api/v1/users/me/totals", as: Reader(id: .v7()))
            #expect(none.data == .object(["posts": .integer(0), "published": .integer(0), "views": .integer(0)]))
        }
    }

    @Test func `keep their tag while they are only viewed`() async throws {
        try await Newsroom.open { room in
            let ann = try await room.register("ann")
            try await room.post("One", by: ann.id, views: 3)
            let tag = try #require(try await room.get("/api/v1/users/me/totals", as: ann).tag)
            try await room.owner.query(Statement("view", "UPDATE view_counts.total SET count = 9"))
            #expect(try await room.get("/api/v1/users/me/totals", as: ann, [.ifNoneMatch: tag]).status == 304)
            try await room.post("Two", by: ann.id)
            #expect(try await room.get("/api/v1/users/me/totals", as: ann, [.ifNoneMatch: tag]).status == 200)
        }
    }

    @Test func `are for those who are signed in`() async throws {
        try await Newsroom.open { room in
            let reply = try await room.get("/api/v1/users/me/totals")
            #expect(reply.status == 401)
        }
    }
}

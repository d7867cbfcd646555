import EventSourcing
import FoundationEssentials
import JSON
import Publishing
import Testing

private let post = UUID.number(11)
private let drafted = PostEvent.drafted(author: .number(1), title: .known("t"), slug: .known("t"), content: .known("c"))
private let total = "SELECT count, published FROM view_counts.total"

@Suite(.timeLimit(.minutes(15))) struct `The read model of view counts` {
    @Test func `starts a draft at zero`() async throws {
        #expect(try await rows(total) { try await $0.tell(drafted, of: post) } == ["(0,f)"])
    }

    @Test func `knows which posts are published`() async throws {
        #expect(try await rows(total) { try await $0.tell(drafted, .published(publishedAt: nil), of: post) } == ["(0,t)"])
    }

    @Test func `knows which are no longer published`() async throws {
        #expect(try await rows(total) { try await $0.tell(drafted, .published(publishedAt: nil), .unpublished, of: post) } == ["(0,f)"])
    }

    @Test func `keeps the views of a deleted post out of sight`() async throws {
        let found = try await rows(total) {
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
            try await $0.tell(views: 7, of: post)
            try await $0.tell(.deleted, of: post)
        }
        #expect(found == ["(7,f)"])
    }

    @Test func `adds views up`() async throws {
        let found = try await rows(total) {
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
            for count in [1, 20, 300] as [Int64] { try await $0.tell(views: count, of: post) }
        }
        #expect(found == ["(321,t)"])
    }

    @Test func `takes no views without a number, alone or among many`() async throws {
        for others in [0, 9] {
            let found = try await rows(
                "SELECT p.position FROM annals.parked_events AS p JOIN annals.checkpoints USING (build) WHERE model = 'view_counts'"
            ) {
                for _ in 0..<others { try await $0.tell(views: 1, of: post) }
                try await $0.tell(NewEvent(type: "PostViewed", schemaVersion: 1, data: ["count": .null]), in: StreamName("views", post))
            }
            #expect(found == ["(\(others + 1))"])
        }
    }

    @Test func `counts views that come before their post`() async throws {
        let found = try await rows(total) {
            try await $0.tell(views: 5, of: post)
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
        }
        #expect(found == ["(5,t)"])
    }

    @Test(arguments: [1, 9]) func `adds up the posts of windows, one by one or many at once`(windows: Int) async throws {
        let other = UUID.number(12)
        let found = try await rows("SELECT post, count, published FROM view_counts.total ORDER BY post") {
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
            try await $0.tell(views: 1, of: post)
            for _ in 0..<windows { try await $0.tell(views: [post: 2, other: 3], in: .number(99)) }
        }
        #expect(found == ["(\(post.lowercased),\(1 + 2 * windows),t)", "(\(other.lowercased),\(3 * windows),f)"])
    }

    @Test func `counts a window behind a deletion without bringing the post back`() async throws {
        let found = try await rows(total) {
            try await $0.tell(drafted, .published(publishedAt: nil), .deleted, of: post)
            try await $0.tell(views: [post: 7], in: .number(99))
        }
        #expect(found == ["(7,f)"])
    }

    @Test(arguments: [
        JSONValue.object(["x": .integer(1)]), .object([post.lowercased: .string("1")]), .object([post.lowercased: .number(1.5)]), .array([]),
    ])
    func `parks a window that is none, and no post's stream`(counts: JSONValue) async throws {
        let found = try await rows(
            "SELECT p.position FROM annals.parked_events AS p JOIN annals.checkpoints USING (build) WHERE model = 'view_counts'"
        ) {
            try await $0.tell(NewEvent(type: "PostsViewed", schemaVersion: 1, data: ["counts": counts]), in: StreamName("viewwindow", .number(99)))
            try await $0.tell(drafted, .published(publishedAt: nil), of: post)
        }
        #expect(found == ["(1)"])
    }

    @Test func `counts views by the hour, in UTC`() async throws {
        let history = History(step: .seconds(25 * 60))
        for count in 1...4 as ClosedRange<Int64> {
            if count % 2 == 0 {
                try await history.tell(views: [post: count], in: .number(99))
            } else {
                try await history.tell(views: count, of: post)
            }
        }
        let found = try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            return try await database.rows("SELECT hour AT TIME ZONE 'UTC', count FROM view_counts.hourly ORDER BY hour")
        }
        #expect(found == [#"("2026-01-01 00:00:00",6)"#, #"("2026-01-01 01:00:00",4)"#])
    }
}

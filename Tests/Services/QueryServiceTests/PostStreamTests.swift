import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import PublishingAPI
import Synchronization
import TestSupport
import Testing

@testable import QueryService

@Suite(.timeLimit(.minutes(5))) struct `Published posts as anybody watches them` {
    private static let path = "/api/v1/posts/stream"

    /// Runs the feed for as long as the body takes. All models are at the log's head, as the peer plays it.
    private static func open(_ body: @escaping @Sendable (Newsroom) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await newsroom.queries.feed.run() }
                defer { group.cancelAll() }
                try await body(newsroom)
            }
        }
    }

    private static func catchUp(_ newsroom: Newsroom, to position: Int64) async throws {
        for model in ["posts", "users", "view_counts"] { try await newsroom.move(model, to: position) }
    }

    /// Everything that is sent until an event has this id, without heartbeats: name, id and data.
    private static func watched(
        _ newsroom: Newsroom, _ query: String = "?after=0", headers: HTTPFields = [:], to position: Int64
    ) async throws -> (events: [(name: String, id: String?, data: JSONValue)], headers: HTTPFields) {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "queries", path: path + query, headerFields: headers)
        let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
        let response = try await newsroom.queries.responder.respond(to: request, context: CallContext(logger: TestCluster.logger))
        try #require(response.status == .ok)
        let text = Mutex("")
        do {
            try await response.body.write(
                HangingUp { part in
                    text.withLock {
                        $0 += part
                        return $0.contains("\nid: \(position)\n")
                    }
                })
        } catch is HungUp {}
        let events = try text.withLock { $0 }.components(separatedBy: "\n\n").compactMap { block -> (String, String?, JSONValue)? in
            var fields: [Substring: String] = [:]
            for line in block.split(separator: "\n") { fields[line.prefix { $0 != ":" }] = String(line.drop { $0 != " " }.dropFirst()) }
            guard let name = fields["event"], name != "heartbeat", let data = fields["data"] else { return nil }
            return (name, fields["id"], try JSONValue.parse(data.utf8))
        }
        return (events, response.headers)
    }

    @Test func `have the words that are public now, and no others`() async throws {
        try await Self.open { newsroom in
            let ann = try await newsroom.register("ann")
            let shown = try await newsroom.post("Shown", by: ann.id, slug: "shown", views: 7)
            let draft = try await newsroom.post("Secret", by: ann.id, slug: "secret", publishedAt: nil)
            newsroom.commands.happens(.published, shown)
            newsroom.commands.happens(.published, draft)
            newsroom.commands.happens(.edited, draft)
            newsroom.commands.happens(.edited, shown)
            newsroom.commands.happens(nil)
            newsroom.commands.happens(.viewed, shown, draft)
            newsroom.commands.happens(.unpublished, draft)
            let last = newsroom.commands.happens(.deleted, draft)
            try await Self.catchUp(newsroom, to: last)
            let (events, headers) = try await Self.watched(newsroom, to: last)
            #expect(events.map(\.name) == ["published", "edited", "viewed", "unpublished", "deleted"])
            #expect(events.map(\.id) == ["1", "4", "6", "7", "8"])
            let author: JSONValue = .object([
                "id": .string(ann.id.lowercased), "username": .string("ann"), "displayName": .string("ANN"),
            ])
            #expect(
                events[0].data
                    == .object([
                        "id": .string(shown.lowercased), "slug": .string("shown"), "title": .string("Shown"), "author": author,
                        "at": .string("2026-01-01T00:00:00.000Z"),
                    ]))
            #expect(events[2].data == .object(["id": .string(shown.lowercased), "viewCount": .integer(7)]))
            #expect(events[3].data == .object(["id": .string(draft.lowercased)]) && events[4].data == events[3].data)
            #expect(headers[.contentType] == "text/event-stream" && headers[.cacheControl] == "no-store")
        }
    }

    @Test func `tell a post's views once a page, at their last position`() async throws {
        try await Self.open { newsroom in
            let ann = try await newsroom.register("ann")
            let posts = [try await newsroom.post("A", by: ann.id, views: 3), try await newsroom.post("B", by: ann.id, views: 4)]
            newsroom.commands.happens(.viewed, posts[0])
            newsroom.commands.happens(.viewed, posts[0], posts[1])
            try await Self.catchUp(newsroom, to: 2)
            let events = try await Self.watched(newsroom, to: 2).events
            #expect(events.map { $0.data["viewCount"]?.int } == [3, 4] && events.map(\.id) == [nil, "2"])
        }
    }

    @Test func `wait for the read models, so that nothing is shown that was taken back since`() async throws {
        try await Self.open { newsroom in
            let ann = try await newsroom.register("ann")
            let post = try await newsroom.post("Gone", by: ann.id)
            newsroom.commands.happens(.published, post)
            let last = newsroom.commands.happens(.unpublished, post)
            // The models still show it.
            try await Self.catchUp(newsroom, to: 1)
            async let watched = Self.watched(newsroom, to: last)
            try await eventually { newsroom.commands.questionsOfChanges > 0 }
            try await newsroom.unpublish(post)
            try await Self.catchUp(newsroom, to: last)
            #expect(try await watched.events.map(\.name) == ["unpublished"])
        }
    }

    @Test func `are resumed for ten thousand events, and begun anew beyond`() async throws {
        try await Self.open { newsroom in
            newsroom.commands.passes(10_000)
            let last = newsroom.commands.happens(.deleted, .v7())
            try await Self.catchUp(newsroom, to: last)
            let resumed = try await Self.watched(newsroom, headers: [.lastEventID: "1"], to: last)
            #expect(resumed.events.map(\.name) == ["deleted"] && resumed.headers[.furtherCalls] == "49")
            let reset = try await Self.watched(newsroom, headers: [.lastEventID: "0"], to: last)
            #expect(reset.events.map(\.name) == ["reset"] && reset.events[0].data == .object(["head": .integer(last)]))
            #expect(reset.headers[.furtherCalls] == nil)
            let near = try await Self.watched(newsroom, headers: [.lastEventID: "9900"], to: last)
            #expect(near.headers[.furtherCalls] == nil)
            let ahead = try await newsroom.get(Self.path, [.lastEventID: "10002"])
            #expect(ahead.status == 409 && ahead.code == "POSITION_AHEAD")
        }
    }

    @Test func `are filtered by the name of the event`() async throws {
        try await Self.open { newsroom in
            let post = UUID.v7()
            newsroom.commands.happens(.unpublished, post)
            let last = newsroom.commands.happens(.deleted, post)
            #expect(try await Self.watched(newsroom, "?after=0&type=deleted", to: last).events.map(\.name) == ["deleted"])
            let wrong = try await newsroom.get("\(Self.path)?type=deleted,nothing&category=post")
            #expect(wrong.status == 422 && wrong.refusedFields.sorted() == ["category", "type"])
        }
    }

    @Test func `cost one follower, however many watch`() async throws {
        try await Self.open { newsroom in
            let ann = try await newsroom.register("ann")
            let post = try await newsroom.post("A", by: ann.id)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<300 { group.addTask { try await Self.watched(newsroom, "?after=0", to: 20).events.count } }
                try await eventually { newsroom.queries.feed.watcherCount == 300 }
                for _ in 0..<20 { newsroom.commands.happens(.published, post) }
                try await Self.catchUp(newsroom, to: 20)
                for try await count in group { #expect(count == 20) }
            }
            #expect(newsroom.queries.feed.watcherCount == 0)
        }
    }
}

private struct HungUp: Error {}

private struct HangingUp: ResponseBodyWriter {
    let isEnough: @Sendable (String) -> Bool

    mutating func write(_ buffer: ByteBuffer) async throws { if isEnough(String(buffer: buffer)) { throw HungUp() } }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

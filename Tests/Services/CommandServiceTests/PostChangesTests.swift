import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Publishing
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `What readers of posts are told of the log` {
    private func changes(_ newsroom: Newsroom, _ query: String = "after=0&limit=1000") async throws -> PostChanges {
        let reply = try await newsroom.send(.get, "/internal/posts/changes?\(query)", headers: Newsroom.asService(.queries))
        return try #require(reply.data.flatMap(PostChanges.init), "\(reply.text)")
    }

    @Test func `is what happens to published posts`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: true)
            _ = try await newsroom.send(.patch, post.path, #"{"title":"Another"}"#, by: ann)
            _ = try await newsroom.send(.post, "/internal/views", Self.views(of: [post.id: 3]), headers: Newsroom.asService(.queries, key: "k"))
            _ = try await newsroom.send(.post, "\(post.path)/unpublish", by: ann)
            _ = try await newsroom.send(.post, "\(post.path)/publish", by: ann)
            _ = try await newsroom.send(.delete, post.path, by: ann)
            let told = try await changes(newsroom)
            #expect(told.changes.map(\.kind) == [.published, .edited, .viewed, .unpublished, .published, .deleted])
            #expect(told.changes.allSatisfy { $0.posts == [post.id] } && told.withdraws)
            let events = try await newsroom.log.store.read(after: 0, limit: 100)
            #expect(told.changes.map(\.position) == events.map(\.position).suffix(6) && told.through == told.head)
            #expect(told.changes.map(\.at) == events.map(\.recordedAt).suffix(6))
        }
    }

    private static func views(of counts: [UUID: Int64]) -> String {
        let views = counts.map { #"{"post":"\#($0.key.lowercased)","count":\#($0.value)}"# }.joined(separator: ",")
        return #"{"window":"\#(UUID.v7().lowercased)","views":[\#(views)]}"#
    }

    @Test func `is nothing of a draft's life and end`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let draft = try await newsroom.post(by: ann)
            _ = try await newsroom.send(.patch, draft.path, #"{"title":"Secret"}"#, by: ann)
            _ = try await newsroom.send(.delete, draft.path, by: ann)
            let shy = try await newsroom.post(by: ann, publish: true)
            _ = try await newsroom.send(.post, "\(shy.path)/unpublish", by: ann)
            _ = try await newsroom.send(.patch, shy.path, #"{"title":"Secret"}"#, by: ann)
            _ = try await newsroom.send(.delete, shy.path, by: ann)
            let told = try await changes(newsroom)
            #expect(told.changes.map(\.kind) == [.published, .unpublished] && told.changes.allSatisfy { $0.posts == [shy.id] })
        }
    }

    @Test func `comes in pages, and says how far the log has come`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            for _ in 0..<3 { _ = try await newsroom.post(by: ann, publish: true) }
            let head = try await newsroom.log.store.head()
            #expect(try await changes(newsroom, "after=0") == PostChanges(through: 0, head: head))
            var (after, seen): (Int64, [Int64]) = (0, [])
            while after < head {
                let page = try await changes(newsroom, "after=\(after)&limit=2")
                #expect(page.through == min(head, after + 2) && page.head == head)
                seen += page.changes.map(\.position)
                after = page.through
            }
            #expect(seen == (try await changes(newsroom)).changes.map(\.position) && seen.count == 3)
        }
    }

    @Test func `is held back until there is something`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let head = try await newsroom.log.store.head()
            async let told = changes(newsroom, "after=\(head)&limit=10&wait=4")
            let post = try await newsroom.post(by: ann, publish: true)
            var changes = try await told
            while changes.changes.isEmpty { changes = try await self.changes(newsroom, "after=\(changes.through)&limit=10&wait=4") }
            #expect(changes.changes.map(\.posts) == [[post.id]])
        }
    }

    @Test func `is for the query service alone, and not after a position that the log does not have`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            #expect(try await newsroom.send(.get, "/internal/posts/changes", by: ann).status == 404)
            #expect(try await newsroom.send(.get, "/internal/posts/changes", headers: Newsroom.asService(.auth)).status == 404)
            let ahead = try await newsroom.send(.get, "/internal/posts/changes?after=99", headers: Newsroom.asService(.queries))
            #expect(ahead.code == "POSITION_AHEAD")
        }
    }
}

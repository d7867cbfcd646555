import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A post as it stood` {
    /// A post with five events: drafted, edited, published as of 2020, unpublished, deleted.
    private static func open(_ body: @Sendable (Newsroom, Newsroom.Person, DraftedPost) async throws -> Void) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, title: "First")
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Second","slug":"second"}"#, by: ann)
            _ = try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":"2020-01-02T03:04:05Z"}"#, by: ann)
            _ = try await newsroom.call(.post, "\(post.path)/unpublish", by: ann)
            _ = try await newsroom.call(.delete, post.path, by: ann)
            try await body(newsroom, ann, post)
        }
    }

    @Test(arguments: [
        (1, "First", "first", false, "null"), (2, "Second", "second", false, "null"), (3, "Second", "second", true, #""2020-01-02T03:04:05.000Z""#),
        (4, "Second", "second", false, "null"),
    ])
    func `at each version`(version: Int, title: String, slug: String, isPublished: Bool, publishedAt: String) async throws {
        try await Self.open { newsroom, ann, post in
            let reply = try await newsroom.call(.get, "\(post.path)?version=\(version)", by: ann)
            let events = try await newsroom.events(of: post.stream)
            #expect(reply.status == 200 && reply.happened == [])
            #expect(
                reply.text == #"{"data":{"id":"\#(post.id.lowercased)","title":"\#(title)","slug":"\#(slug)","content":"Some words","#
                    + #""published":\#(isPublished),"author":{"id":"\#(ann.id.lowercased)","username":"ann","displayName":null},"#
                    + #""createdAt":"\#(events[0].recordedAt)","updatedAt":"\#(events[version - 1].recordedAt)","#
                    + #""publishedAt":\#(publishedAt),"version":\#(version)}}"#)
            let head = try await newsroom.log.store.head()
            #expect(reply.headers[.readModelPosition] == String(head))
            let etag = try #require(reply.headers[.eTag])
            #expect(etag.hasPrefix("W/\"\(version).") && etag.count == 4 + 2 + 16)

            let unchanged = try await newsroom.call(.get, "\(post.path)?version=\(version)", by: ann, headers: [.ifNoneMatch: etag])
            #expect(unchanged.status == 304 && unchanged.text == "" && unchanged.headers[.eTag] == etag)
        }
    }

    @Test func `at each moment`() async throws {
        try await Self.open { newsroom, ann, post in
            for event in try await newsroom.events(of: post.stream) {
                let reply = try await newsroom.send(.get, "\(post.path)?asOf=\(event.recordedAt)", by: ann)
                // Events of one millisecond stand together: the last of them is what was true then.
                let last = try await newsroom.events(of: post.stream).last { $0.recordedAt <= event.recordedAt }
                #expect(reply.status == (last?.type == "PostDeleted" ? 404 : 200))
                if reply.status == 200 { #expect(reply.data?["version"]?.int == last.map { Int64($0.version) }) }
            }
            #expect(try await newsroom.send(.get, "\(post.path)?asOf=2001-01-01T00:00:00Z", by: ann).code == "NOT_FOUND")
        }
    }

    @Test(arguments: [
        ("version=5", 404), ("version=6", 404), ("version=2147483647", 404), ("version=0", 422), ("version=-1", 422), ("version=one", 422),
        ("version=99999999999999999999", 422), ("version=1&version=2", 422), ("asOf=yesterday", 422), ("asOf=2100-01-01T00:00:00Z", 404),
        ("version=1&asOf=2100-01-01T00:00:00Z", 422), ("version=1&page=1", 422), ("version=%zz", 400),
    ])
    func `is not to be had for`(query: String, status: Int) async throws {
        try await Self.open { (newsroom, ann, post) async throws in
            #expect(try await newsroom.send(.get, "\(post.path)?\(query)", by: ann).status == status)
        }
    }
}

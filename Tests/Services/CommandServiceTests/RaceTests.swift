import EventSourcing
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Sixty-four edits of one post at once` {
    @Test func `are one when all name the version`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let replies = try await newsroom.send(64, .patch, post.path, { #"{"title":"Title \#($0)"}"# }, by: ann, headers: .ifMatch("\"1\""))
            #expect(replies.filter { $0.status == 200 }.count == 1)
            #expect(replies.filter { $0.status == 412 && $0.code == "PRECONDITION_FAILED" }.count == 63)
            #expect(try await newsroom.events(of: post.stream).map(\.version) == [1, 2])
        }
    }

    @Test func `are decided again when none does`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let replies = try await newsroom.send(64, .patch, post.path, { #"{"title":"Title \#($0)"}"# }, by: ann)
            let taken = replies.filter { $0.status == 200 }
            let others = replies.filter { $0.status != 200 }
            #expect(
                others.allSatisfy { $0.status == 503 && $0.code == "UNAVAILABLE" && $0.headers[.retryAfter] != nil }, "\(Set(others.map(\.text)))")
            #expect(taken.count >= 10)
            let events = try await newsroom.events(of: post.stream)
            #expect(events.map(\.version) == Array(1...taken.count + 1))
            // Each answer names a version of its own.
            #expect(taken.compactMap { $0.data?["version"]?.int }.sorted() == (2...taken.count + 1).map { Int64($0) })
        }
    }

    @Test func `and its deletion leave no edit behind the deletion`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            async let deletion = newsroom.send(.delete, post.path, by: ann)
            let replies = try await newsroom.send(16, .patch, post.path, { #"{"title":"Title \#($0)"}"# }, by: ann)
            let status = try await deletion.status
            #expect([204, 503].contains(status))
            #expect(replies.allSatisfy { [200, 409, 503].contains($0.status) })
            let types = try await newsroom.events(of: post.stream).map(\.type)
            #expect(types.filter { $0 == "PostDeleted" }.count == (status == 204 ? 1 : 0))
            #expect(status == 503 || types.last == "PostDeleted")
        }
    }
}

import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Publishing and unpublishing a post` {
    @Test func `are one event each, however often they are asked for`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            for (name, type, version) in [("publish", "PostPublished", 2), ("unpublish", "PostUnpublished", 3), ("publish", "PostPublished", 4)] {
                let first = try await newsroom.call(.post, "\(post.path)/\(name)", by: ann)
                #expect(first.status == 200 && first.happened == [type])
                #expect(first.text == #"{"data":{"id":"\#(post.id.lowercased)","version":\#(version)}}"#)
                #expect(first.headers[.eTag] == "\"\(version)\"" && first.position == first.events.last?.position)
                let second = try await newsroom.call(.post, "\(post.path)/\(name)", "{}", by: ann)
                #expect(second.happened == [])
                #expect(second.repeatable == first.repeatable)
            }
        }
    }

    @Test func `keep a business time in the past`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":"2014-06-02T12:00:00+02:00"}"#, by: ann)
            #expect(reply.events.map(\.data) == [["publishedAt": .string("2014-06-02T10:00:00.000Z")]])
        }
    }

    @Test func `move a published post to another time, once, and none is the present one`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: true)
            let body = #"{"publishedAt":"2014-06-02T10:00:00.000Z"}"#
            let moved = try await newsroom.call(.post, "\(post.path)/publish", body, by: ann)
            #expect(moved.status == 200 && moved.events.map(\.data) == [["publishedAt": .string("2014-06-02T10:00:00.000Z")]])
            for body in [body, #"{"publishedAt":null}"#, "{}"] {
                let again = try await newsroom.call(.post, "\(post.path)/publish", body, by: ann)
                #expect(again.status == 200 && again.happened == [])
            }
        }
    }

    @Test func `take a time up to a minute ahead for now`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let soon = Timestamp.now.advanced(by: .seconds(50))
            let reply = try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":"\#(soon)"}"#, by: ann)
            let published = try #require(reply.events.first?.data["publishedAt"]?.text.flatMap { Timestamp($0) })
            #expect(reply.status == 200 && published < soon)
            let late = Timestamp.now.advanced(by: .seconds(180))
            #expect(try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":"\#(late)"}"#, by: ann).fields == ["publishedAt"])
        }
    }

    @Test(arguments: [#""9999-01-01T00:00:00Z""#, #""yesterday""#, "0"]) func `refuse a time to come and what is no time`(time: String)
        async throws
    {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.post, "\(post.path)/publish", #"{"publishedAt":\#(time),"at":1}"#, by: ann)
            #expect(reply.status == 422)
            #expect(reply.fields == ["publishedAt", "at"])
            #expect(reply.happened == [])
        }
    }

    @Test func `keep to the version named`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            for path in post.commands {
                #expect(try await newsroom.call(.post, path, by: ann, headers: .ifMatch("\"7\"")).code == "PRECONDITION_FAILED")
            }
            #expect(try await newsroom.call(.post, post.commands[0], by: ann, headers: .ifMatch("\"1\"")).status == 200)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Deleting a post` {
    @Test func `answers without a body, and then there is none`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            let reply = try await newsroom.call(.delete, post.path, by: ann)
            #expect(reply.status == 204 && reply.text == "")
            #expect(reply.happened == ["PostDeleted"])
            #expect(reply.headers[.eTag] == "\"2\"" && reply.position == reply.events.last?.position)

            let again = try await newsroom.call(.delete, post.path, by: ann)
            #expect(again.status == 404 && again.code == "NOT_FOUND" && again.happened == [])
        }
    }

    @Test func `ends all other commands on it`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: true)
            _ = try await newsroom.call(.delete, post.path, by: ann)
            for path in post.commands {
                let reply = try await newsroom.call(.post, path, by: ann)
                #expect(reply.status == 409 && reply.code == "CONFLICT" && reply.happened == [])
            }
            #expect(try await newsroom.call(.patch, post.path, #"{"title":"B"}"#, by: ann).code == "CONFLICT")
        }
    }

    @Test func `keeps to the version named`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            #expect(try await newsroom.call(.delete, post.path, by: ann, headers: .ifMatch("\"2\"")).status == 412)
            #expect(try await newsroom.call(.delete, post.path, by: ann, headers: .ifMatch("\"1.abc\"")).status == 204)
        }
    }
}

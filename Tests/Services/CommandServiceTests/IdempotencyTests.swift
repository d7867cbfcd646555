import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A command sent again under its key` {
    /// Ann, a post of hers, and what the command is sent with.
    private static func open(
        _ command: KeyedCommand, _ body: @Sendable (Newsroom, Newsroom.Person, DraftedPost, HTTPFields) async throws -> Void
    ) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann, publish: command.needsPublishedPost)
            try await body(newsroom, ann, post, command.headers(key: "k1"))
        }
    }

    private static func send(
        _ call: KeyedCommand.Call, _ command: KeyedCommand, to newsroom: Newsroom, by ann: Newsroom.Person, _ headers: HTTPFields
    ) async throws -> Reply {
        try await newsroom.call(call.method, call.path, call.body, by: command.caller == nil ? ann : nil, headers: headers)
    }

    @Test(arguments: KeyedCommand.allCases) func `gets the first answer and adds nothing`(command: KeyedCommand) async throws {
        try await Self.open(command) { newsroom, ann, post, headers in
            let first = try await Self.send(command.call(on: post), command, to: newsroom, by: ann, headers)
            #expect(200...204 ~= first.status && !first.isReplay)
            #expect(first.events.count == command.eventCount)
            let second = try await Self.send(command.call(on: post), command, to: newsroom, by: ann, headers)
            #expect(second.isReplay && second.happened == [])
            #expect(second.repeatable == first.repeatable)
        }
    }

    @Test(arguments: KeyedCommand.allCases) func `sixteen times at once happens once`(command: KeyedCommand) async throws {
        try await Self.open(command) { newsroom, ann, post, headers in
            let head = try await newsroom.log.store.head()
            let call = command.call(on: post)
            let replies = try await newsroom.send(
                16, call.method, call.path, { _ in call.body }, by: command.caller == nil ? ann : nil, headers: headers)
            #expect(Set(replies.map(\.repeatable)).count == 1)
            #expect(replies.allSatisfy { 200...204 ~= $0.status })
            #expect(replies.filter(\.isReplay).count == 15)
            #expect(try await newsroom.log.store.head() == head + Int64(command.eventCount))
        }
    }

    @Test(arguments: KeyedCommand.allCases) func `gets the first answer whatever happened since`(command: KeyedCommand) async throws {
        try await Self.open(command) { newsroom, ann, post, headers in
            let first = try await Self.send(command.call(on: post), command, to: newsroom, by: ann, headers)
            _ = try await newsroom.call(.patch, post.path, #"{"title":"Later","slug":"later"}"#, by: ann)
            _ = try await newsroom.call(.post, "\(post.path)/unpublish", by: ann)
            _ = try await newsroom.call(.delete, post.path, by: ann)
            _ = try await newsroom.call(.patch, "/api/v1/users/me", #"{"username":"later","email":"later@example.org"}"#, by: ann)
            let second = try await Self.send(command.call(on: post), command, to: newsroom, by: ann, headers)
            #expect(second.isReplay && second.happened == [])
            #expect(second.repeatable == first.repeatable)
        }
    }

    @Test(arguments: KeyedCommand.allCases) func `is refused when it is another request`(command: KeyedCommand) async throws {
        try await Self.open(command) { newsroom, ann, post, headers in
            _ = try await Self.send(command.call(on: post), command, to: newsroom, by: ann, headers)
            let reply = try await Self.send(command.other(on: post), command, to: newsroom, by: ann, headers)
            #expect(reply.status == 422 && reply.code == "IDEMPOTENCY_KEY_REUSED")
            #expect(reply.happened == [])
        }
    }

    @Test func `gets the first answer before its version is looked at`() async throws {
        try await Self.open(.edit) { newsroom, ann, post, headers in
            var headers = headers
            headers[.ifMatch] = "\"1\""
            let first = try await Self.send(KeyedCommand.edit.call(on: post), .edit, to: newsroom, by: ann, headers)
            let second = try await Self.send(KeyedCommand.edit.call(on: post), .edit, to: newsroom, by: ann, headers)
            #expect(first.status == 200 && second.isReplay && second.repeatable == first.repeatable)
        }
    }

    @Test func `gets the first answer though the account was deactivated since`() async throws {
        try await Self.open(.edit) { newsroom, ann, post, headers in
            let first = try await Self.send(KeyedCommand.edit.call(on: post), .edit, to: newsroom, by: ann, headers)
            try await newsroom.order(.deactivate, for: ann)
            let second = try await Self.send(KeyedCommand.edit.call(on: post), .edit, to: newsroom, by: ann, headers)
            #expect(second.isReplay && second.repeatable == first.repeatable)
        }
    }

    @Test func `is not remembered when it was refused`() async throws {
        try await Self.open(.draftUnderSlug) { newsroom, ann, post, headers in
            let call = KeyedCommand.draftUnderSlug.call(on: post)
            let rival = try await newsroom.post(by: ann, title: "New")
            #expect(try await newsroom.call(call.method, call.path, call.body, by: ann, headers: headers).status == 409)
            _ = try await newsroom.call(.delete, rival.path, by: ann)
            let reply = try await newsroom.call(call.method, call.path, call.body, by: ann, headers: headers)
            #expect(reply.status == 201 && !reply.isReplay)
        }
    }

    @Test func `is a command of its own under another caller's equal key`() async throws {
        try await Self.open(.draft) { newsroom, ann, post, headers in
            let bob = try await newsroom.person("bob")
            let call = KeyedCommand.draft.call(on: post)
            let first = try await newsroom.call(call.method, call.path, call.body, by: ann, headers: headers)
            let second = try await newsroom.call(call.method, call.path, call.body, by: bob, headers: headers)
            #expect(second.status == 201 && !second.isReplay && second.happened == ["PostDrafted"])
            #expect(second.data?["id"] != first.data?["id"])
        }
    }

    @Test(arguments: ["", "two words", "schlüssel", String(repeating: "k", count: 129)]) func `needs a key that is one`(key: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let post = try await newsroom.post(by: ann)
            for command in KeyedCommand.allCases {
                let call = command.call(on: post)
                let headers = command.headers(key: key)
                let reply = try await newsroom.call(call.method, call.path, call.body, by: command.caller == nil ? ann : nil, headers: headers)
                #expect(reply.status == 400 && reply.code == "MALFORMED_REQUEST", "\(command)")
                #expect(reply.happened == [])
            }
        }
    }

    @Test(arguments: [#"{"slug":"another","title":"Another"}"#, "{ \"title\" :\n\"Ano\\u0074her\",\t\"slug\":\"another\"}\n"])
    func `is the same request in another order, spacing or spelling of its JSON`(body: String) async throws {
        try await Self.open(.edit) { newsroom, ann, post, headers in
            let first = try await Self.send(KeyedCommand.edit.call(on: post), .edit, to: newsroom, by: ann, headers)
            let second = try await newsroom.call(.patch, post.path, body, by: ann, headers: headers)
            #expect(second.isReplay && second.repeatable == first.repeatable)
        }
    }

    @Test func `is another's when a service sends it for another`() async throws {
        try await Self.open(.register) { newsroom, ann, post, headers in
            func register(_ name: String, for caller: String) async throws -> Reply {
                var headers = headers
                headers[try #require(HTTPField.Name("X-Annals-Caller"))] = caller
                let body = #"{"id":"\#(UUID.v7().lowercased)","username":"\#(name)","email":"\#(name)@example.org"}"#
                return try await newsroom.call(.post, "/internal/users", body, headers: headers)
            }
            let (one, other) = (UUID.v7().lowercased, UUID.v7().lowercased)
            let carl = try await register("carl", for: one)
            let dora = try await register("dora", for: other)
            #expect(carl.status == 201 && dora.status == 201 && !dora.isReplay)
            #expect(try await register("carl", for: one).repeatable == carl.repeatable)
            #expect(try await register("dora", for: one).code == "IDEMPOTENCY_KEY_REUSED")
        }
    }

    @Test func `is scoped by the request where nobody is signed in`() async throws {
        try await Self.open(.register) { newsroom, ann, post, headers in
            func register(_ name: String) async throws -> Reply {
                var headers = headers
                headers[try #require(HTTPField.Name("X-Annals-Caller"))] = "anonymous"
                let body = #"{"id":"\#(UUID.v7().lowercased)","username":"\#(name)","email":"\#(name)@example.org"}"#
                return try await newsroom.call(.post, "/internal/users", body, headers: headers)
            }
            let carl = try await register("carl")
            let again = try await register("carl")
            #expect(carl.status == 201 && again.repeatable == carl.repeatable)
            let dora = try await register("dora")
            #expect(dora.status == 201 && !dora.isReplay && dora.happened == ["UserRegistered"])
        }
    }

    @Test func `takes no caller from anybody but a service`() async throws {
        try await Self.open(.draft) { newsroom, ann, post, headers in
            let bob = try await newsroom.person("bob")
            let call = KeyedCommand.draft.call(on: post)
            _ = try await newsroom.call(call.method, call.path, call.body, by: ann, headers: headers)
            var forged = headers
            forged[try #require(HTTPField.Name("X-Annals-Caller"))] = ann.id.lowercased
            let reply = try await newsroom.call(call.method, call.path, call.body, by: bob, headers: forged)
            #expect(reply.status == 201 && !reply.isReplay)
        }
    }

    @Test func `takes nothing from the query`() async throws {
        try await Self.open(.publish) { newsroom, ann, post, headers in
            let reply = try await newsroom.call(.post, "\(post.path)/publish?publishedAt=2020-01-01T00:00:00Z&x", by: ann, headers: headers)
            #expect(reply.status == 422 && reply.fields == ["publishedAt", "x"] && reply.happened == [])
        }
    }

    @Test func `may have the longest key there is`() async throws {
        try await Self.open(.draft) { newsroom, ann, post, _ in
            let headers = HTTPFields.idempotencyKey(String(repeating: "~", count: 128))
            let first = try await Self.send(KeyedCommand.draft.call(on: post), .draft, to: newsroom, by: ann, headers)
            #expect(try await Self.send(KeyedCommand.draft.call(on: post), .draft, to: newsroom, by: ann, headers).repeatable == first.repeatable)
        }
    }
}

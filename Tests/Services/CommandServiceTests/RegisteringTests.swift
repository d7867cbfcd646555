import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Publishing
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Registering somebody` {
    private static let ann = #""username":"ann","email":"Ann@Example.org""#

    @Test func `appends one event and answers with the account`() async throws {
        try await Newsroom.open { newsroom in
            let id = UUID.v7()
            let reply = try await newsroom.register(id: id, Self.ann)
            #expect(reply.status == 201)
            #expect(reply.happened == ["UserRegistered"])
            let event = try #require(reply.events.first)
            #expect(event.stream == StreamName("user", id) && event.version == 1)
            #expect(event.data == ["role": .string("user"), "username": .string("ann"), "email": .string("Ann@Example.org")])
            #expect(
                reply.text
                    == #"{"data":{"id":"\#(id.lowercased)","username":"ann","displayName":null,"role":"user","status":"active","createdAt":"\#(event.recordedAt)","version":1}}"#
            )
            #expect(reply.position == event.position)
            #expect(reply.headers[.eTag] == "\"1\"")
        }
    }

    @Test func `makes the person's data key`() async throws {
        try await Newsroom.open { newsroom in
            let id = UUID.v7()
            _ = try await newsroom.register(id: id, Self.ann)
            #expect(try await newsroom.log.valueInVault("SELECT string_agg(subject::text, ',') FROM vault.data_keys") == id.lowercased)
        }
    }

    @Test func `claims email, username and being active`() async throws {
        try await Newsroom.open { newsroom in
            _ = try await newsroom.register(Self.ann)
            #expect(try await newsroom.log.value("SELECT string_agg(kind, ' ' ORDER BY kind) FROM log.claims") == "active email username")
        }
    }

    @Test(arguments: [
        (#""username":"ann","email":"other@example.org""#, ["username"]), (#""username":"other","email":"ANN@example.ORG""#, ["email"]),
        (#""username":"ann","email":"ann@example.org""#, ["username"]),
    ])
    func `names each value that is taken, and leaves no key behind`(members: String, taken: [String]) async throws {
        try await Newsroom.open { newsroom in
            _ = try await newsroom.register(Self.ann)
            let reply = try await newsroom.register(members)
            #expect(reply.status == 409 && reply.code == "DUPLICATE_ENTRY")
            #expect(reply.fields == taken)
            #expect(reply.happened == [])
            #expect(try await newsroom.log.valueInVault("SELECT count(*) FROM vault.data_keys") == "1")
        }
    }

    @Test func `takes composed and decomposed letters of an email for the same`() async throws {
        try await Newsroom.open { newsroom in
            _ = try await newsroom.register("\"username\":\"ann\",\"email\":\"ren\u{E9}@example.org\"")
            let reply = try await newsroom.register("\"username\":\"bob\",\"email\":\"rene\u{301}@example.org\"")
            #expect(reply.fields == ["email"])
        }
    }

    @Test func `lets one of 64 have an email`() async throws {
        try await Newsroom.open { newsroom in
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for number in 0..<64 { group.addTask { try await newsroom.register(#""username":"user\#(number)","email":"same@example.org""#) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.filter { $0.status == 201 }.count == 1)
            #expect(replies.filter { $0.status == 409 && $0.fields == ["email"] }.count == 63)
            #expect(try await newsroom.log.value("SELECT count(*) FROM log.events") == "1")
        }
    }

    @Test func `refuses an id that somebody has`() async throws {
        try await Newsroom.open { newsroom in
            let id = UUID.v7()
            _ = try await newsroom.register(id: id, Self.ann)
            let reply = try await newsroom.register(id: id, #""username":"bob","email":"bob@example.org""#)
            #expect(reply.status == 409 && reply.code == "CONFLICT")
            #expect(reply.happened == [])
        }
    }

    @Test func `names everything that is wrong at once`() async throws {
        try await Newsroom.open { newsroom in
            let reply = try await newsroom.call(
                .post, "/internal/users", #"{"id":"x","username":"A!","email":"nobody","role":"admin"}"#, headers: Newsroom.asService())
            #expect(reply.status == 422 && reply.code == "VALIDATION_ERROR")
            #expect(reply.fields == ["id", "username", "email", "role"])
        }
    }

    @Test func `is for services only`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("root", role: .admin)
            for person in [nil, admin] {
                let reply = try await newsroom.call(.post, "/internal/users", "{\(Self.ann)}", by: person)
                #expect(reply.status == 404 && reply.code == "NOT_FOUND")
                #expect(try await newsroom.call(.get, "/internal/users/\(admin.id.lowercased)", by: person).status == 404)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Registering again under the same key` {
    private static let ann = #""username":"ann","email":"ann@example.org""#

    @Test func `gives the first answer with the first id`() async throws {
        try await Newsroom.open { newsroom in
            let first = try await newsroom.register(Self.ann, key: "k1")
            let second = try await newsroom.register(Self.ann, key: "k1")
            #expect(!first.isReplay && second.isReplay)
            #expect(second.repeatable == first.repeatable)
            #expect(second.happened == [])
            #expect(try await newsroom.log.valueInVault("SELECT count(*) FROM vault.data_keys") == "1")
        }
    }

    @Test(arguments: [#""username":"ann","email":"other@example.org""#, #""username":"ann","email":"ann@example.org","requestDigest":"other""#])
    func `is refused with another body`(members: String) async throws {
        try await Newsroom.open { newsroom in
            _ = try await newsroom.register(Self.ann, key: "k1")
            let reply = try await newsroom.register(members, key: "k1")
            #expect(reply.status == 422 && reply.code == "IDEMPOTENCY_KEY_REUSED")
            #expect(reply.happened == [])
        }
    }

    @Test func `gives the first answer when the first request was just being handled`() async throws {
        try await Newsroom.open { newsroom in
            let first = Handover<Reply>()
            // The first request goes through right after the second has found no trace of it.
            let store = InterruptedStore(newsroom.log.store) { first.give(try await newsroom.register(Self.ann, key: "k1")) }
            let second = try await newsroom.on(store).register(Self.ann, key: "k1")
            #expect(second.repeatable == first.value?.repeatable)
            #expect(second.isReplay)
            #expect(try await newsroom.log.store.head() == 1)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `Looking an account up` {
    @Test func `shows it as the log has it now`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let path = "/internal/users/\(ann.id.lowercased)"
            func status() async throws -> JSONValue? { try await newsroom.send(.get, path, headers: Newsroom.asService()).data?["status"] }
            #expect(try await status() == .string("active"))

            try await newsroom.order(.deactivate, for: ann)
            #expect(try await status() == .string("deactivated"))
            try await newsroom.order(.reactivate, for: ann)
            _ = try await newsroom.call(.patch, "/api/v1/users/me", #"{"displayName":"Ann A."}"#, by: ann)
            let createdAt = try #require(try await newsroom.events(of: ann.stream).first?.recordedAt)
            #expect(
                try await newsroom.send(.get, path, headers: Newsroom.asService()).text
                    == #"{"data":{"id":"\#(ann.id.lowercased)","username":"ann","displayName":"Ann A.","role":"user","status":"active","createdAt":"\#(createdAt)","version":4}}"#
            )

            try await newsroom.order(.close, for: ann)
            let closed = try await newsroom.send(.get, path, headers: Newsroom.asService())
            #expect(closed.data?["status"] == .string("closed") && closed.data?["username"] == .null)
        }
    }

    @Test func `finds nobody who never registered`() async throws {
        try await Newsroom.open { newsroom async throws in
            #expect(try await newsroom.send(.get, "/internal/users/\(UUID.v7().lowercased)", headers: Newsroom.asService()).status == 404)
            #expect(try await newsroom.send(.get, "/internal/users/ann", headers: Newsroom.asService()).code == "MALFORMED_REQUEST")
        }
    }
}

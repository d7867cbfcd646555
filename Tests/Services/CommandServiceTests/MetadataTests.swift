import AccessTokens
import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import Testing

@Suite(.timeLimit(.minutes(5))) struct `What an event tells of its call` {
    private static let requestID = "0198a3c4-0000-7000-8000-00000000ABCD"
    private static let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func `is who called, under which ids`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(
                .post, "/api/v1/posts", #"{"title":"A","content":"B","publish":true}"#, by: ann,
                headers: [.requestID: Self.requestID, .traceparent: Self.traceparent])
            #expect(reply.headers[.requestID] == Self.requestID && reply.headers[.traceparent] == Self.traceparent)
            for event in reply.events {
                #expect(event.metadata.actor == ann.id)
                #expect(event.metadata.correlation == Self.requestID)
                #expect(event.metadata.traceparent == Self.traceparent)
            }
            #expect(Set(reply.events.map(\.metadata.command)).count == 1)
        }
    }

    @Test func `is made where the call does not say`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(
                .post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann, headers: [.requestID: "not one", .traceparent: "00-0-0-01"])
            let metadata = try #require(reply.events.first?.metadata)
            #expect(metadata.correlation == reply.headers[.requestID] && metadata.correlation != "not one")
            #expect(metadata.traceparent == reply.headers[.traceparent] && metadata.traceparent?.count == 55)
        }
    }

    @Test func `is who acted, not whose post it is`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("root", role: .admin)
            let post = try await newsroom.post(by: try await newsroom.person("ann"))
            let reply = try await newsroom.call(.patch, post.path, #"{"title":"B"}"#, by: admin)
            #expect(reply.events.map(\.metadata.actor) == [admin.id])
        }
    }

    @Test func `holds of a request's id that may say something only its hash`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let id = "ann.1999@example.org"
            let headers: HTTPFields = [.requestID: id, .traceparent: "01\(Self.traceparent.dropFirst(2))-ann.1999@example.org"]
            let reply = try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann, headers: headers)
            #expect(reply.headers[.requestID] == id)
            let metadata = try #require(reply.events.first?.metadata)
            #expect(metadata.correlation == newsroom.log.hasher.kept(requestID: id))
            #expect(metadata.traceparent == Self.traceparent)
            // Not the year alone: four digits stand in an id or a hash by chance.
            #expect(try await newsroom.log.value("SELECT count(*) FROM log.events e WHERE e::text LIKE '%1999@example%'") == "0")
        }
    }

    @Test func `names the import that brought it, when the operator's token says so`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let hash = { (letter: Character) in String(repeating: letter, count: 22) }
            let origin = ImportOrigin(id: .v7(), collection: hash("a"), source: hash("b"), author: hash("c"), digest: hash("d"))
            let importing = Newsroom.Person(id: ann.id, token: try Newsroom.token(for: ann.id, isOperator: true))
            func draft(by person: Newsroom.Person, _ header: String) async throws -> Reply {
                try await newsroom.call(.post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: person, headers: [.importOrigin: header])
            }
            #expect(try await draft(by: importing, origin.description).events.map(\.metadata.origin) == [origin])
            #expect(try await draft(by: ann, origin.description).events.map(\.metadata.origin) == [nil])
            #expect(try await draft(by: importing, "anything").code == "MALFORMED_REQUEST")
        }
    }

    @Test func `holds of a key only its hash`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.call(
                .post, "/api/v1/posts", #"{"title":"A","content":"B"}"#, by: ann, headers: .idempotencyKey("ann-and-bob-1999"))
            #expect(try await newsroom.log.value("SELECT count(*) FROM log.events e WHERE e::text LIKE '%bob-1999%'") == "0")
            #expect(try await newsroom.log.value("SELECT count(*) FROM log.commands c WHERE c::text LIKE '%bob-1999%'") == "0")
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The log's tables` {
    @Test(arguments: ["events", "claims", "commands"]) func `hold nothing personal that can be read`(table: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("annabelle")
            let post = try await newsroom.post(by: ann, title: "Secret title")
            _ = try await newsroom.call(
                .patch, post.path, #"{"content":"Secret words","slug":"secret-slug"}"#, by: ann, headers: .idempotencyKey("k"))
            let profile = #"{"username":"secretname","email":"secret@example.org","displayName":"Secret Name","bio":"Secret life"}"#
            let change = try await newsroom.call(.patch, "/api/v1/users/me", profile, by: ann)
            #expect(change.status == 200)
            // Sealed text has no spaces, and could hold a short word by chance.
            for word in ["annabelle", "example", "secret", " title", " words"] {
                // The names of the sealed fields stay readable; what stands in them does not.
                let text = "replace(replace(replace(t::text, '\"title\"', ''), '\\\"title\\\"', ''), 'author title slug content', '')"
                let found = try await newsroom.log.value("SELECT string_agg(\(text), ' ') FROM log.\(table) t WHERE \(text) ILIKE '%\(word)%'")
                #expect(found == "", "\(word)")
            }
            #expect(try await newsroom.log.value("SELECT count(*) > 0 FROM log.\(table)") == "true")
        }
    }
}

import EventLog
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import Testing

@Suite(.timeLimit(.minutes(5))) struct `Changing one's profile` {
    private static let path = "/api/v1/users/me"

    @Test(arguments: [
        (#"{"username":"anne"}"#, "UserProfileChanged", #"{"username":"anne"}"#),
        (#"{"displayName":"Ann 🙂"}"#, "UserProfileChanged", #"{"displayName":"Ann 🙂"}"#),
        (#"{"bio":"two\nlines"}"#, "UserProfileChanged", #"{"bio":"two\nlines"}"#),
        (#"{"email":"Anne@Example.org"}"#, "UserEmailChanged", #"{"email":"Anne@Example.org"}"#),
        (#"{"email":"ANN@example.org"}"#, "UserEmailChanged", #"{"email":"ANN@example.org"}"#),
    ])
    func `stores what changed`(body: String, type: String, data: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(.patch, Self.path, body, by: ann)
            #expect(reply.status == 200)
            #expect(reply.text == #"{"data":{"id":"\#(ann.id.lowercased)","version":2}}"#)
            #expect(reply.headers[.eTag] == "\"2\"" && reply.position == reply.events.last?.position)
            #expect(reply.happened == [type])
            #expect(reply.events.first.map { JSONValue.object($0.data).serialized } == data)
            #expect(reply.events.first?.metadata.actor == ann.id)
        }
    }

    @Test func `may be several events of one command`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let reply = try await newsroom.call(
                .patch, Self.path, #"{"username":"anne","email":"anne@example.org","displayName":"Anne","bio":"B"}"#, by: ann)
            #expect(reply.happened == ["UserProfileChanged", "UserEmailChanged"])
            #expect(Set(reply.events.map(\.metadata.command)).count == 1)
            #expect(reply.data?["version"] == .integer(3))
            #expect(reply.position == reply.events.last?.position)
        }
    }

    @Test func `frees the old email and username`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.call(.patch, Self.path, #"{"username":"anne","email":"anne@example.org"}"#, by: ann)
            #expect(try await newsroom.register(#""username":"ann","email":"ann@example.org""#).status == 201)
            #expect(try await newsroom.register(#""username":"anne","email":"a@example.org""#).fields == ["username"])
        }
    }

    @Test(arguments: [("username", "bob"), ("email", "BOB@example.org")]) func `refuses what another has`(field: String, value: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.person("bob")
            let reply = try await newsroom.call(.patch, Self.path, #"{"bio":"B","\#(field)":"\#(value)"}"#, by: ann)
            #expect(reply.status == 409 && reply.code == "DUPLICATE_ENTRY")
            #expect(reply.fields == [field])
            #expect(reply.happened == [])
        }
    }

    @Test func `names one thing that another has, and no more`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.person("bob")
            _ = try await newsroom.person("eve")
            let both = try await newsroom.call(.patch, Self.path, #"{"username":"bob","email":"eve@example.org"}"#, by: ann)
            #expect(both.status == 409 && both.code == "DUPLICATE_ENTRY" && both.fields == ["username"] && both.happened == [])
            // One's own is not another's.
            let one = try await newsroom.call(.patch, Self.path, #"{"username":"ann","email":"eve@example.org"}"#, by: ann)
            #expect(one.status == 409 && one.fields == ["email"])
        }
    }

    @Test(arguments: ["{}", #"{"username":"ann","email":"ann@example.org"}"#, #"{"bio":null,"displayName":""}"#])
    func `that changes nothing adds no event`(body: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let position = try await newsroom.log.store.head()
            _ = try await newsroom.person("bob")
            let reply = try await newsroom.call(.patch, Self.path, body, by: ann)
            #expect(reply.status == 200 && reply.happened == [])
            #expect(reply.position == position && reply.headers[.eTag] == "\"1\"")
        }
    }

    @Test(arguments: ["null", #""""#]) func `clears a bio`(value: String) async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            _ = try await newsroom.call(.patch, Self.path, #"{"bio":"B"}"#, by: ann)
            let reply = try await newsroom.call(.patch, Self.path, #"{"bio":\#(value)}"#, by: ann)
            #expect(reply.happened == ["UserProfileChanged"])
            #expect(reply.events.first?.data == ["bio": .string("")])
        }
    }

    @Test func `keeps to the version named`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            #expect(try await newsroom.call(.patch, Self.path, #"{"bio":"B"}"#, by: ann, headers: .ifMatch("\"2\"")).status == 412)
            #expect(try await newsroom.call(.patch, Self.path, #"{"bio":"B"}"#, by: ann, headers: .ifMatch("\"1.abc\"")).status == 200)
        }
    }

    @Test func `names every field that is wrong`() async throws {
        try await Newsroom.open { newsroom in
            let ann = try await newsroom.person("ann")
            let body = #"{"username":"A","email":1,"displayName":"a\nb","bio":"\u0000","role":"admin","password":"x"}"#
            let reply = try await newsroom.call(.patch, Self.path, body, by: ann)
            #expect(reply.status == 422)
            #expect(reply.fields == ["username", "email", "displayName", "bio", "role", "password"])
            #expect(try await newsroom.call(.patch, Self.path, "{}").status == 401)
        }
    }
}

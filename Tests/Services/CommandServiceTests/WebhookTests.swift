import AccessTokens
import EventLogTesting
import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON
import PublishingAPI
import Testing

@Suite(.timeLimit(.minutes(5))) struct `A webhook over HTTP` {
    private static let path = "/api/v1/webhooks"
    private static let body = #"{"url":"https://hooks.example.org/annals?key=abc","types":["PostPublished","PostDeleted"]}"#

    private func created(_ newsroom: Newsroom, by admin: Newsroom.Person) async throws -> (path: String, reply: Reply) {
        let reply = try await newsroom.call(.post, Self.path, Self.body, by: admin)
        let id = try #require(reply.data?["id"]?.text, "\(reply.text)")
        return ("\(Self.path)/\(id)", reply)
    }

    @Test func `is created with a secret that is told once, and is sealed in the log`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let (path, reply) = try await created(newsroom, by: admin)
            #expect(reply.status == 201 && reply.happened == ["WebhookCreated"] && reply.headers[.location] == path)
            #expect(reply.headers[.eTag] == #""1""# && reply.position != nil)
            let secret = try #require(reply.data?["secret"]?.text)
            #expect(secret.hasPrefix("whsec_") && reply.data?["publicKey"]?.text?.hasPrefix("whpk_") == true)
            // Admins read the trail opened, and the secret is not in it.
            let trail = try await newsroom.call(.get, "/api/v1/audit/events?type=WebhookCreated", by: admin)
            #expect(trail.text.contains("hooks.example.org") && !trail.text.contains(secret.dropFirst(6)))
            let stored = try await newsroom.log.value("SELECT string_agg(data::text, '') FROM log.events WHERE type = 'WebhookCreated'")
            #expect(!stored.contains("hooks.example.org") && !stored.contains(secret.dropFirst(6)))
        }
    }

    @Test func `has the secret that its receiver gave`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            let reply = try await newsroom.call(
                .post, Self.path, #"{"url":"https://a.example","types":["PostDrafted"],"secret":"\#(secret)"}"#, by: admin)
            #expect(reply.status == 201 && reply.data?["secret"]?.text == secret, "\(reply.text)")
        }
    }

    @Test(arguments: [
        (#"{}"#, ["url", "types"]), (#"{"url":"http://a.example","types":["PostDrafted"]}"#, ["url"]),
        (#"{"url":"https://127.0.0.1/","types":["PostDrafted"]}"#, ["url"]), (#"{"url":"https://2130706433/","types":["PostDrafted"]}"#, ["url"]),
        (#"{"url":"https://u:p@a.example/","types":["PostDrafted"]}"#, ["url"]), (#"{"url":"https://a.example","types":[]}"#, ["types"]),
        (#"{"url":"https://a.example","types":["PostRead"]}"#, ["types"]), (#"{"url":"https://a.example","types":["WebhookTested"]}"#, ["types"]),
        (#"{"url":"https://a.example","types":["PostDrafted","PostDrafted"]}"#, ["types"]),
        (#"{"url":"https://a.example","types":"PostDrafted","secret":"short","more":1}"#, ["types", "secret", "more"]),
    ])
    func `is refused with every field that is not acceptable`(row: (String, [String])) async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let reply = try await newsroom.call(.post, Self.path, row.0, by: admin)
            #expect(reply.status == 422 && reply.fields == row.1 && reply.events.isEmpty, "\(reply.text)")
        }
    }

    @Test func `is for admins`() async throws {
        try await Newsroom.open { newsroom in
            let (admin, user) = (try await newsroom.person("ann", role: .admin), try await newsroom.person("bob"))
            let (path, _) = try await created(newsroom, by: admin)
            for (method, path, body) in [
                (HTTPRequest.Method.post, Self.path, Self.body), (.delete, path, nil), (.post, path + "/test", nil),
                (.post, path + "/replay", #"{"after":0}"#), (.post, path + "/secret", nil),
            ] as [(HTTPRequest.Method, String, String?)] {
                #expect(try await newsroom.call(method, path, body, by: user).status == 403)
                #expect(try await newsroom.call(method, path, body).status == 401)
            }
        }
    }

    @Test func `is created once under an idempotency key, and told the same secret again`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let first = try await newsroom.call(.post, Self.path, Self.body, by: admin, headers: .idempotencyKey("k"))
            let again = try await newsroom.call(.post, Self.path, Self.body, by: admin, headers: .idempotencyKey("k"))
            #expect(again.isReplay && again.events.isEmpty && again.repeatable == first.repeatable)
        }
    }

    @Test func `takes tests, replays and new secrets, and is deleted`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let (path, first) = try await created(newsroom, by: admin)
            let test = try await newsroom.call(.post, path + "/test", by: admin)
            #expect(test.status == 202 && test.happened == ["WebhookTested"])
            let replay = try await newsroom.call(.post, path + "/replay", #"{"after":0}"#, by: admin)
            #expect(replay.status == 202 && replay.happened == ["WebhookReplayRequested"])
            let rotated = try await newsroom.call(.post, path + "/secret", by: admin)
            #expect(rotated.status == 200 && rotated.happened == ["WebhookSecretRotated"])
            #expect(rotated.data?["secret"]?.text != first.data?["secret"]?.text && rotated.data?["earlierUntil"]?.text != nil)
            let deleted = try await newsroom.call(.delete, path, by: admin)
            #expect(deleted.status == 204 && deleted.happened == ["WebhookDeleted"])
            #expect(try await newsroom.call(.delete, path, by: admin).status == 404)
            #expect(try await newsroom.call(.post, path + "/test", by: admin).status == 404)
        }
    }

    @Test func `can't be replayed from a position that the log has never had`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let (path, _) = try await created(newsroom, by: admin)
            let ahead = try await newsroom.call(.post, path + "/replay", #"{"after":1000}"#, by: admin)
            #expect(ahead.status == 409 && ahead.code == "POSITION_AHEAD")
            for body in [#"{}"#, #"{"after":-1}"#, #"{"after":"1"}"#] {
                let reply = try await newsroom.call(.post, path + "/replay", body, by: admin)
                #expect(reply.status == 422 && reply.fields == ["after"], "\(body) \(reply.text)")
            }
        }
    }

    @Test func `is ended by the relay and by nobody else`() async throws {
        try await Newsroom.open { newsroom in
            let admin = try await newsroom.person("ann", role: .admin)
            let (path, reply) = try await created(newsroom, by: admin)
            let end = "/internal/webhooks/\(reply.data?["id"]?.text ?? "")/end"
            #expect(try await newsroom.call(.post, end, by: admin).status == 404)
            #expect(try await newsroom.call(.post, end, headers: Newsroom.asService(.auth)).status == 404)
            let ended = try await newsroom.call(.post, end, "{}", headers: Newsroom.asService(.relay))
            #expect(ended.status == 200 && ended.happened == ["WebhookEnded"], "\(ended.text)")
            #expect(try await newsroom.call(.post, path + "/test", by: admin).code == "CONFLICT")
            #expect(try await newsroom.call(.delete, path, by: admin).status == 204)
        }
    }
}

import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `Registering` {
    @Test func `answers with the user, where they are, and when they can be read`() async throws {
        try await withWorld { world in
            let reply = try await world.service().register()
            let id = try #require(reply.data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            #expect(reply.status == .created)
            #expect(
                reply.data
                    == .object([
                        "id": .string(id.lowercased), "username": .string("ann"), "role": .string("user"),
                        "createdAt": .string("2026-01-02T03:04:05.678Z"),
                    ]))
            #expect(reply.headers[.position] == "1")
            #expect(reply.headers[.eTag] == "\"1\"")
            #expect(reply.headers[.location] == "/api/v1/users/\(id.lowercased)")
            #expect(reply.headers[.idempotencyReplayed] == nil)
            #expect(try await world.states() == ["active"])
        }
    }

    @Test func `stores neither email nor password in the clear`() async throws {
        try await withWorld { world in
            _ = try await world.service().register("ann", email: "Ann@Example.org")
            let rows = try await world.identity.query(
                .init("everything", "SELECT credentials::text || accounts::text FROM identity.credentials JOIN identity.accounts USING (user_id)"))
            let text: String = try #require(rows.first).get(0)
            #expect(!text.lowercased().contains("example") && !text.contains(World.password))
            #expect(text.contains("$argon2id$"))
        }
    }

    @Test func `takes an email as signing in does, without the space around it`() async throws {
        try await withWorld { world in
            let service = world.service()
            let registered = try await service.register("ann", email: " Ann@example.org\n")
            let login = try await service.logIn("ann@example.org")
            #expect(registered.status == .created)
            #expect(login.status == .ok)
        }
    }

    @Test(arguments: ["register", "login", "refresh", "logout"]) func `and all else of it takes nothing from the query`(call: String) async throws {
        try await withWorld { world in
            let reply = try await world.service().call(
                .post, "/api/v1/auth/\(call)?password=x",
                .object(["username": .string("ann"), "email": .string("ann@example.org"), "password": .string(World.password)]))
            #expect(reply.status == .unprocessableContent && reply.refusedFields == ["password"])
        }
    }

    @Test func `names everything that is wrong at once`() async throws {
        try await withWorld { world in
            let body: JSONObject = ["username": .string("A!"), "email": .string("nobody"), "password": .string("short"), "role": .string("admin")]
            let reply = try await world.service().call(.post, "/api/v1/auth/register", .object(body))
            #expect(reply.status == .unprocessableContent)
            #expect(reply.code == "VALIDATION_ERROR")
            #expect(reply.refusedFields == ["username", "email", "password", "role"])
            #expect(try await world.count("credentials") == 0)
        }
    }

    @Test(arguments: [11: false, 12: true, 128: true, 129: false])
    func `counts the password in Unicode scalars`(length: Int, isAccepted: Bool) async throws {
        try await withWorld { world in
            let reply = try await world.service().register(password: String(repeating: "🔑", count: length))
            #expect(reply.status == (isAccepted ? .created : .unprocessableContent))
            #expect(reply.refusedFields == (isAccepted ? [] : ["password"]))
        }
    }

    @Test func `passes the refusal of a taken email on and leaves nothing behind`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register("ann", email: "ann@example.org")
            let reply = try await service.register("bob", email: "ANN@example.org")
            #expect(reply.status == .conflict)
            #expect(reply.code == "DUPLICATE_ENTRY")
            #expect(reply.refusedFields == ["email"])
            #expect(try await service.register("ann", email: "other@example.org").refusedFields == ["username"])
            #expect(try await world.states() == ["active"])
        }
    }

    @Test func `lets one of 64 clients have an email`() async throws {
        try await withWorld { world in
            let service = world.service()
            let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
                for client in 0..<64 { group.addTask { try await service.register("client\(client)", email: "same@example.org").status } }
                return try await group.reduce(into: [Int: Int]()) { $0[$1.code, default: 0] += 1 }
            }
            #expect(statuses == [201: 1, 409: 63])
            #expect(try await world.states() == ["active"])
            #expect(try await world.count("accounts") == 1)
        }
    }

    @Test func `gives a repeat under the same key the first answer`() async throws {
        try await withWorld { world in
            let service = world.service()
            let first = try await service.register(key: "k1")
            let second = try await service.register(key: "k1")
            #expect(second.status == .created)
            #expect(second.data == first.data)
            #expect(second.headers[.position] == first.headers[.position])
            #expect(second.headers[.location] == first.headers[.location])
            #expect(second.headers[.idempotencyReplayed] == "true")
            #expect(try await world.states() == ["active"])
            #expect(try await service.logIn().status == .ok)
        }
    }

    @Test func `refuses a key that came with another password`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register(key: "k1")
            let reply = try await service.register(password: "another long password", key: "k1")
            #expect(reply.status == .unprocessableContent)
            #expect(reply.code == "IDEMPOTENCY_KEY_REUSED")
            #expect(try await world.states() == ["active"])
        }
    }

    @Test func `sends a digest with a key only, and never the password`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register("ann")
            _ = try await service.register("bob", key: "k1")
            #expect(world.peer.bodies.map(\.names) == [["id", "username", "email"], ["id", "username", "email", "requestDigest"]])
            #expect(!world.peer.bodies.contains { JSONValue.object($0).serialized.contains(World.password) })
        }
    }

    @Test(arguments: ["", String(repeating: "k", count: 129), "two words"])
    func `refuses a malformed key`(key: String) async throws {
        try await withWorld { world async throws in
            #expect(try await world.service().register(key: key).code == "MALFORMED_REQUEST")
        }
    }

    @Test func `says 503 while too many passwords wait`() async throws {
        try await withWorld { world in
            let passwords = PasswordHasher(parameters: .tiny, threads: 1, queue: 0)
            let service = world.service(passwords: passwords)
            try await passwords.whileFull {
                for reply in [try await service.register(), try await service.logIn()] {
                    #expect(reply.status == .serviceUnavailable)
                    #expect(reply.code == "UNAVAILABLE")
                    #expect(reply.headers[.retryAfter] == "1")
                }
            }
            #expect(try await service.register().status == .created)
        }
    }

    @Test func `keeps the affairs of the two services from the client`() async throws {
        try await withWorld { world in
            world.peer.fail(.answers(.unauthenticated("The service token is not valid.")))
            let reply = try await world.service().register()
            #expect(reply.status == .internalServerError)
            #expect(!reply.body.serialized.contains("token"))
            #expect(try await world.count("credentials") == 0)
        }
    }
}

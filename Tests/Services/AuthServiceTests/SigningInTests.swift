import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `Signing in` {
    @Test func `gives tokens and the user`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"])
            let reply = try await service.logIn()
            #expect(reply.status == .ok)
            #expect(reply.data?.members?.names == ["accessToken", "tokenType", "expiresIn", "refreshToken", "user"])
            #expect(reply.data?["tokenType"] == .string("Bearer"))
            #expect(reply.data?["expiresIn"] == .integer(900))
            #expect(
                reply.data?["user"]
                    == .object([
                        "id": id, "username": .string("ann"), "displayName": .string(""), "role": .string("user"),
                        "createdAt": .string("2026-01-02T03:04:05.678Z"),
                    ]))
            #expect(reply.headers[.cacheControl] == "no-store")
        }
    }

    @Test(arguments: ["ann@example.org", "ANN@Example.ORG", "  ann@example.org\n"])
    func `knows an email in every spelling`(email: String) async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register("ann", email: "Ann@example.org")
            #expect(try await service.logIn(email).status == .ok)
        }
    }

    @Test func `knows composed and decomposed letters as the same`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register("rene", email: "ren\u{E9}@example.org")
            #expect(try await service.logIn("rene\u{301}@example.org").status == .ok)
        }
    }

    @Test func `answers alike whatever the reason`() async throws {
        try await withWorld { world in
            let service = world.service()
            var ids: [String: UUID] = [:]
            for name in ["ann", "deactivated", "closed", "pending"] {
                ids[name] = try await service.register(name).data?["id"]?.text.flatMap { UUID(lowercase: $0) }
            }
            world.log.write("UserDeactivated", to: StreamName("user", try #require(ids["deactivated"])))
            world.log.write("UserClosed", to: StreamName("user", try #require(ids["closed"])))
            let pending = try #require(ids["pending"])
            try await service.following { () async throws in
                #expect(try await service.follower.waitFor(6, timeout: .seconds(60)))
                try await world.identity.query(
                    .init("make_pending", "UPDATE identity.credentials SET state = 'pending' WHERE user_id = $1"), [.uuid(pending)])
                let replies = [
                    try await service.logIn("nobody@example.org"), try await service.logIn("no address"),
                    try await service.logIn("ann@example.org", password: "a wrong password"),
                    try await service.logIn("ann@example.org", password: "x"),
                    try await service.logIn("deactivated@example.org"), try await service.logIn("closed@example.org"),
                    try await service.logIn("pending@example.org"),
                ]
                for reply in replies {
                    #expect(reply.status == .unauthorized)
                    #expect(reply.anonymous == replies[0].anonymous)
                    #expect(reply.headers[.wwwAuthenticate] == "Bearer")
                }
            }
        }
    }

    @Test(arguments: ["deactivated", "closed"])
    func `asks the log, which knows of an end before the follower does`(status: String) async throws {
        try await withWorld { world async throws in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            let token = try #require(try await service.logIn().data?["refreshToken"]?.text)
            world.peer.change(id) { $0.status = status }
            #expect(try await service.logIn().status == .unauthorized)
            #expect(try await service.refresh(token).status == .unauthorized)
            #expect(try await world.count("sessions") == 1)
        }
    }

    @Test func `waits for a position`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            world.peer.change(id) { $0.email = "new@example.org" }
            let position = world.log.write("UserEmailChanged", to: StreamName("user", id), ["email": .null]).position
            try await service.following { () async throws in
                #expect(try await service.logIn("new@example.org", headers: [.waitForPosition: "\(position)", .prefer: "wait=10"]).status == .ok)
                #expect(try await service.logIn("ann@example.org").status == .unauthorized)
            }
        }
    }

    @Test func `says 503 when the position is not reached in time`() async throws {
        try await withWorld { world in
            let reply = try await world.service().logIn(headers: [.waitForPosition: "99", .prefer: "wait=0"])
            #expect(reply.status == .serviceUnavailable)
            #expect(reply.code == "READ_MODEL_BEHIND")
            #expect(reply.headers[.retryAfter] != nil)
        }
    }

    @Test func `hashes the password anew when hashes have become stronger`() async throws {
        try await withWorld { world in
            _ = try await world.service().register()
            let stronger = world.service(passwords: PasswordHasher(parameters: Argon2Parameters(memory: 16, passes: 2)))
            #expect(try await stronger.logIn().status == .ok)
            let text: String = try #require(try await world.identity.query(.init("hash", "SELECT password_hash FROM identity.credentials")).first)
                .get(0)
            #expect(PasswordHash(text).parameters == Argon2Parameters(memory: 16, passes: 2))
            #expect(try await stronger.logIn().status == .ok)
        }
    }

    @Test func `wants exactly its fields`() async throws {
        try await withWorld { world in
            let reply = try await world.service().call(.post, "/api/v1/auth/login", .object(["email": .integer(1), "remember": .bool(true)]))
            #expect(reply.status == .unprocessableContent)
            #expect(reply.refusedFields == ["email", "password", "remember"])
        }
    }
}

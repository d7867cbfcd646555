import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `Changing one's password` {
    @Test func `ends every session but the one that asks`() async throws {
        try await withAnn { world, service in
            let (own, other) = (try await service.logIn(), try await service.logIn())
            let reply = try await service.changePassword(token: own.accessToken)
            #expect(reply.status == .noContent && reply.body == .null)
            #expect(try await service.refresh(own.refreshToken).status == .ok)
            #expect(try await service.refresh(other.refreshToken).status == .unauthorized)
            #expect(try await service.logIn().status == .unauthorized)
            #expect(try await service.logIn(password: "an entirely new one").status == .ok)
        }
    }

    @Test func `tells the feed of the sessions that it ends`() async throws {
        try await withAnn { world, service in
            try await service.catchUp(to: 1)
            let (own, other) = (try await service.logIn(), try await service.logIn())
            _ = try await service.changePassword(token: own.accessToken)
            let sessions = try await service.revocations.news(after: nil).revocations.sessions
            #expect(sessions == [try #require(try await service.verify(other.accessToken).session)])
        }
    }

    @Test func `by a token of no session ends all of them`() async throws {
        try await withAnn { world, service in
            let login = try await service.logIn()
            let user = try await service.verify(login.accessToken).id
            let token = try await world.administrator(of: service).mintOperatorToken(subject: user, role: .user, lifetime: .seconds(60))
            #expect(try await service.changePassword(token: token).status == .noContent)
            #expect(try await service.refresh(login.refreshToken).status == .unauthorized)
        }
    }

    @Test func `needs the present one, and says 403 and not 401 without it`() async throws {
        try await withAnn { world, service in
            let login = try await service.logIn()
            let reply = try await service.changePassword(from: "a wrong password", token: login.accessToken)
            #expect(reply.status == .forbidden && reply.code == "FORBIDDEN" && reply.refusedFields == ["currentPassword"])
            #expect(try await service.refresh(login.refreshToken).status == .ok)
            #expect(try await service.logIn().status == .ok)
        }
    }

    @Test func `is no licence to guess`() async throws {
        try await withAnn { world, service in
            let token = try await service.logIn().accessToken
            for _ in 0..<5 { #expect(try await service.changePassword(from: "a wrong password", token: token).status == .forbidden) }
            let slowed = try await service.changePassword(token: token)
            #expect(slowed.status == .tooManyRequests && slowed.headers[.retryAfter] == "1")
            world.clock.advance(by: .seconds(1))
            #expect(try await service.changePassword(token: token).status == .noContent)
        }
    }

    @Test(arguments: [(nil, 401), ("x", 401)] as [(String?, Int)]) func `needs a token`(token: String?, status: Int) async throws {
        try await withAnn { world, service in
            let body: JSONObject = ["currentPassword": .string(World.password), "newPassword": .string("an entirely new one")]
            let headers: HTTPFields = token.map { [.authorization: "Bearer \($0)"] } ?? [:]
            let reply = try await service.call(.post, "/api/v1/auth/password", .object(body), headers: headers)
            #expect(reply.status.code == status)
            #expect(try await service.logIn().status == .ok)
        }
    }

    @Test func `names everything that is wrong at once`() async throws {
        try await withAnn { world, service in
            let token = try await service.logIn().accessToken
            let body: JSONObject = ["currentPassword": .string(""), "newPassword": .string("short"), "role": .string("admin")]
            let reply = try await service.call(.post, "/api/v1/auth/password", .object(body), headers: [.authorization: "Bearer \(token)"])
            #expect(reply.status == .unprocessableContent && reply.refusedFields == ["currentPassword", "newPassword", "role"])
        }
    }

    @Test func `under a key is repeated without a second change`() async throws {
        try await withAnn { world, service in
            let login = try await service.logIn()
            #expect(try await service.changePassword(token: login.accessToken, key: "k1").headers[.idempotencyReplayed] == nil)
            let session = try await service.logIn(password: "an entirely new one")
            let repeated = try await service.changePassword(token: login.accessToken, key: "k1")
            #expect(repeated.status == .noContent && repeated.headers[.idempotencyReplayed] == "true")
            #expect(try await service.refresh(session.refreshToken).status == .ok)
            let other = try await service.changePassword(to: "another new password", token: login.accessToken, key: "k1")
            #expect(other.status == .unprocessableContent && other.code == "IDEMPOTENCY_KEY_REUSED")
        }
    }

    @Test func `under a key used before is no licence to guess either`() async throws {
        try await withAnn { world, service in
            let token = try await service.logIn().accessToken
            #expect(try await service.changePassword(token: token, key: "k1").status == .noContent)
            for number in 0..<5 {
                #expect(try await service.changePassword(from: "a guess \(number)", token: token, key: "k1").status == .unprocessableContent)
            }
            #expect(try await service.changePassword(from: "another guess", token: token, key: "k1").status == .tooManyRequests)
            world.clock.advance(by: .seconds(1))
            #expect(try await service.changePassword(token: token, key: "k1").headers[.idempotencyReplayed] == "true")
        }
    }

    @Test func `by many at once happens once`() async throws {
        try await withAnn { world, service in
            let token = try await service.logIn().accessToken
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for number in 0..<8 { group.addTask { try await service.changePassword(to: "new password \(number)", token: token) } }
                return try await group.reduce(into: [Reply]()) { $0.append($1) }
            }
            #expect(replies.count { $0.status == .noContent } == 1)
            // A sign-in that looked before the change finds another password at it; one that looked after it finds a wrong one.
            #expect(replies.allSatisfy { [204, 403, 409, 429].contains($0.status.code) })
        }
    }

    @Test func `leaves no session to a sign-in with the old one that was under way`() async throws {
        try await withAnn { world, service in
            let login = try await service.logIn()
            let hash = try #require(world.hasher.hash(email: "ann@example.org"))
            let before = try #require(try await Accounts(identity: world.identity).candidate(emailHash: hash))
            _ = try await service.changePassword(token: login.accessToken)
            #expect(try await service.sessions.open(for: before, from: nil) == nil)
            let after = try #require(try await Accounts(identity: world.identity).candidate(emailHash: hash))
            #expect(try await service.sessions.open(for: after, from: nil) != nil)
        }
    }

    @Test func `leaves receipts for a day only`() async throws {
        try await withAnn { world, service in
            _ = try await service.changePassword(token: try await service.logIn().accessToken, key: "k1")
            world.clock.advance(by: .seconds(24 * 3600))
            try await service.passwordChange.deleteOldReceipts()
            #expect(try await world.count("receipts") == 1)
            world.clock.advance(by: .seconds(2 * 3600))
            try await service.passwordChange.deleteOldReceipts()
            #expect(try await world.count("receipts") == 0)
        }
    }

    private func withAnn(_ body: @Sendable @escaping (World, Auth) async throws -> Void) async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            try await body(world, service)
        }
    }
}

extension Reply {
    /// The tokens of a sign-in; empty when there are none.
    var accessToken: String { data?["accessToken"]?.text ?? "" }
    var refreshToken: String { data?["refreshToken"]?.text ?? "" }
}

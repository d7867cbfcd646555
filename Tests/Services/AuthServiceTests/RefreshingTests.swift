import AccessTokens
import Crypto
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `A refresh token` {
    @Test func `works once and gives the next`() async throws {
        try await withSession { world, service, token in
            let reply = try await service.refresh(token)
            #expect(reply.status == .ok)
            #expect(reply.data?.members?.names == ["accessToken", "tokenType", "expiresIn", "refreshToken", "user"])
            let next = try #require(reply.data?["refreshToken"]?.text)
            #expect(next != token)
            #expect(try await service.refresh(next).status == .ok)
        }
    }

    @Test func `used twice ends its whole family`() async throws {
        try await withSession { world, service, token in
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            world.clock.advance(by: .seconds(11))
            let reuse = try await service.refresh(token)
            #expect(reuse.status == .unauthorized)
            #expect(reuse.code == "UNAUTHENTICATED")
            #expect(try await service.refresh(next).status == .unauthorized)
        }
    }

    @Test func `leaves other sessions alone when it is used twice`() async throws {
        try await withSession { world, service, token in
            let other = try #require(try await service.logIn().data?["refreshToken"]?.text)
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            world.clock.advance(by: .seconds(11))
            _ = try await service.refresh(token)
            #expect(try await service.refresh(next).status == .unauthorized)
            #expect(try await service.refresh(other).status == .ok)
        }
    }

    @Test func `gives three more of the next generation to repeats within ten seconds`() async throws {
        try await withSession { world, service, token in
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<16 { group.addTask { try await service.refresh(token) } }
                return try await group.reduce(into: [Reply]()) { $0.append($1) }
            }
            #expect(replies.count { $0.status == .ok } == 4)
            #expect(replies.count { $0.status == .unauthorized } == 12)
            let tokens = replies.compactMap { $0.data?["refreshToken"]?.text }
            #expect(Set(tokens).count == 4)
            #expect(try await service.refresh(try #require(tokens.last)).status == .ok)
        }
    }

    @Test func `retires the others of its generation, which end the family when they come later`() async throws {
        try await withSession { world, service, token in
            var siblings: [String] = []
            for _ in 1...2 { siblings.append(try #require(try await service.refresh(token).data?["refreshToken"]?.text)) }
            let next = try #require(try await service.refresh(siblings[0]).data?["refreshToken"]?.text)
            // A retired one gets another of the next generation for as long as a used one would.
            #expect(try await service.refresh(siblings[1]).status == .ok)
            // The first one is two generations old: it is refused, and nothing ends yet.
            #expect(try await service.refresh(token).status == .unauthorized)
            world.clock.advance(by: .seconds(11))
            #expect(try await service.refresh(siblings[1]).status == .unauthorized)
            #expect(try await service.refresh(next).status == .unauthorized)
        }
    }

    @Test func `has no longer grace while the clock is behind its use`() async throws {
        try await withSession { world, service, token in
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            world.clock.setBack(by: .seconds(7200))
            #expect(try await service.refresh(token).status == .unauthorized)
            #expect(try await service.refresh(next).status == .unauthorized)
        }
    }

    @Test func `has no grace after a logout`() async throws {
        try await withSession { world, service, token in
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            #expect(try await service.logOut(next).status == .noContent)
            #expect(try await service.refresh(token).status == .unauthorized)
        }
    }

    @Test func `is stored as its hash only`() async throws {
        try await withSession { world, service, token in
            let row = try #require(try await world.identity.query(.init("tokens", "SELECT hash FROM identity.refresh_tokens")).first)
            let stored: [UInt8] = try row.get(0)
            #expect(stored == RefreshToken(token)?.hash)
            #expect(stored != Base64URL.decode(token.utf8))
        }
    }

    @Test func `expires when it is not used`() async throws {
        try await withSession { world, service, token async throws in
            world.clock.advance(by: .seconds(30 * 24 * 3600 - 1))
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            world.clock.advance(by: .seconds(30 * 24 * 3600))
            #expect(try await service.refresh(next).status == .unauthorized)
        }
    }

    @Test func `can't outlive its session`() async throws {
        try await withSession { world, service, token in
            var token = token
            for _ in 1...3 {
                world.clock.advance(by: .seconds(29 * 24 * 3600))
                token = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            }
            world.clock.advance(by: .seconds(3 * 24 * 3600))
            #expect(try await service.refresh(token).status == .unauthorized)
            // Its last access token may still live.
            try await service.sessions.deleteExpired()
            #expect(try await world.count("sessions") == 1)
            world.clock.advance(by: .seconds(900))
            try await service.sessions.deleteExpired()
            #expect(try await world.count("sessions") == 0)
            #expect(try await world.count("refresh_tokens") == 0)
        }
    }

    @Test func `ends at logout, with its family`() async throws {
        try await withSession { world, service, token in
            let next = try #require(try await service.refresh(token).data?["refreshToken"]?.text)
            // The one already used will do: it names the family.
            let reply = try await service.logOut(token)
            #expect(reply.status == .noContent)
            #expect(reply.body == .null)
            #expect(try await service.refresh(next).status == .unauthorized)
            #expect(try await service.logOut(token).status == .noContent)
        }
    }

    @Test func `stays for as long as its session, and goes with it`() async throws {
        try await withSession { world, service, token in
            var newest = token
            for _ in 1...5 { newest = try #require(try await service.refresh(newest).data?["refreshToken"]?.text) }
            let other = try #require(try await service.logIn().data?["refreshToken"]?.text)
            #expect(try await world.count("refresh_tokens") == 7)
            #expect(try await service.logOut(newest).status == .noContent)
            #expect(try await world.count("refresh_tokens") == 1)
            #expect(try await service.refresh(token).status == .unauthorized)
            #expect(try await service.refresh(other).status == .ok)
        }
    }

    @Test(arguments: ["x", "", String(repeating: "A", count: 43), String(repeating: "A", count: 1025)])
    func `that is none of ours gives nothing away`(text: String) async throws {
        try await withSession { world, service, token async throws in
            let isReadable = 1...1024 ~= text.count
            #expect(try await service.refresh(text).status == (isReadable ? .unauthorized : .unprocessableContent))
            #expect(try await service.logOut(text).status == (isReadable ? .noContent : .unprocessableContent))
            #expect(try await service.refresh(token).status == .ok)
        }
    }

    @Test func `stops with a deactivation`() async throws {
        try await withSession { world, service, token in
            let refreshToken = try #require(RefreshToken(token))
            let id = try #require(try await service.sessions.owner(of: refreshToken))
            world.log.write("UserDeactivated", to: StreamName("user", id))
            try await service.following { () async throws in
                #expect(try await service.follower.waitFor(2, timeout: .seconds(60)))
                #expect(try await service.refresh(token).status == .unauthorized)
            }
        }
    }

    @Test func `is not used up while the command service is away`() async throws {
        try await withSession { world, service, token async throws in
            let away = world.service(peerIsAway: true)
            #expect(try await away.refresh(token).status == .serviceUnavailable)
            #expect(try await service.refresh(token).status == .ok)
        }
    }

    @Test func `is not used up while it can't be told which key signs`() async throws {
        try await withSession { world, service, token async throws in
            let stranger = world.service(masterKey: SymmetricKey(size: .bits256))
            #expect(try await stranger.refresh(token).status.kind == .serverError)
            #expect(try await service.refresh(token).status == .ok)
        }
    }

    private func withSession(_ body: @Sendable @escaping (World, Auth, String) async throws -> Void) async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            try await body(world, service, #require(try await service.logIn().data?["refreshToken"]?.text))
        }
    }
}

import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import JWTKit
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `An access token` {
    private struct Claims: JWTPayload {
        let sub: String
        let role: String
        let aud: AudienceClaim
        let exp: ExpirationClaim
        let iat: IssuedAtClaim
        let jti: String
        let sid: String

        func verify(using algorithm: some JWTAlgorithm) async throws {
            try exp.verifyNotExpired()
            try aud.verifyIntendedAudience(includes: "queries")
        }
    }

    @Test func `is verified by a library that knows only the published keys`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text)
            let token = try #require(try await service.logIn().data?["accessToken"]?.text)
            let keys = JWTKeyCollection()
            try await keys.add(jwksJSON: service.call(.get, "/.well-known/jwks.json").body.serialized)
            let claims = try await keys.verify(token, as: Claims.self)
            #expect(claims.sub == id)
            #expect(claims.role == "user")
            #expect(claims.aud.value == ["gateway", "auth", "commands", "queries", "relay"])
            #expect(claims.exp.value.timeIntervalSince(claims.iat.value) == 900)
            #expect(UUID(lowercase: claims.jti) != nil)
        }
    }

    @Test(arguments: ["gateway", "auth", "commands", "queries", "relay"])
    func `is good for each service`(audience: String) async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            let reply = try await service.logIn()
            let token = try #require(reply.data?["accessToken"]?.text)
            let verifier = TokenVerifier(now: { world.clock.now }, uptime: { world.clock.uptime }, fetchKeys: { try await service.keys.published() })
            let user = try await verifier.verify(token).user(for: audience)
            #expect(user.id == id)
            #expect(user.role == .user)
            #expect(!user.isOperator)
            let session: UUID = try #require(try await world.identity.query(.init("session", "SELECT id FROM identity.sessions")).first).get(0)
            #expect(user.session == session)
        }
    }

    @Test func `is for nobody else, and not for longer than 15 minutes`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            let token = try #require(try await service.logIn().data?["accessToken"]?.text)
            let verified = try await service.verifier.verify(token)
            #expect(throws: TokenError.self) { try verified.user(for: "bank") }
            world.clock.advance(by: .seconds(899))
            #expect(try await service.verify(token).role == .user)
            world.clock.advance(by: .seconds(1))
            await #expect(throws: TokenError.self) { try await service.verify(token) }
        }
    }

    @Test func `carries the role that the log knows`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            world.peer.change(id) { $0.role = "admin" }
            let reply = try await service.logIn()
            #expect(reply.data?["user"]?["role"] == .string("admin"))
            let token = try #require(reply.data?["accessToken"]?.text)
            #expect(try await service.verify(token).role == .admin)
        }
    }

    @Test func `keeps its session through a refresh`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            let first = try await service.logIn()
            let second = try await service.refresh(#require(first.data?["refreshToken"]?.text))
            var sessions: Set<UUID?> = []
            for reply in [first, second] {
                let token = try #require(reply.data?["accessToken"]?.text)
                sessions.insert(try await service.verify(token).session)
            }
            #expect(sessions.count == 1 && !sessions.contains(nil))
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The published keys` {
    @Test func `are a JWK Set that caches may keep for five minutes`() async throws {
        try await withWorld { world in
            let service = world.service()
            let reply = try await service.call(.get, "/.well-known/jwks.json")
            #expect(reply.status == .ok)
            #expect(reply.headers[.cacheControl] == "public, max-age=300")
            #expect(reply.headers[.contentType] == "application/json")
            let key = try await service.keys.current()
            #expect(
                reply.body
                    == .object([
                        "keys": .array([
                            .object([
                                "kty": .string("OKP"), "crv": .string("Ed25519"), "alg": .string("EdDSA"), "use": .string("sig"),
                                "kid": .string(key.kid),
                                "x": .string(Base64URL.encode(key.publicKey.x)),
                            ])
                        ])
                    ]))
        }
    }
}

import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `The operator` {
    @Test func `gives a user another password, which ends their sessions`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            let token = try #require(try await service.logIn().data?["refreshToken"]?.text)
            #expect(try await world.administrator(of: service).user(email: "ANN@example.org") == id)
            try await world.administrator(of: service).setPassword(user: id, to: "an entirely new one")
            #expect(try await service.logIn().status == .unauthorized)
            #expect(try await service.logIn(password: "an entirely new one").status == .ok)
            #expect(try await service.refresh(token).status == .unauthorized)
        }
    }

    @Test func `can't give one to nobody, nor a short one`() async throws {
        try await withWorld { world async throws in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            await #expect(throws: AuthOperator.Failure.unknownUser) {
                try await world.administrator(of: service).setPassword(user: .v7(), to: World.password)
            }
            await #expect(throws: AuthOperator.Failure.unacceptablePassword) {
                try await world.administrator(of: service).setPassword(user: id, to: "short")
            }
            await #expect(throws: AuthOperator.Failure.unknownUser) {
                _ = try await world.administrator(of: service).user(email: "nobody@example.org")
            }
            #expect(try await service.logIn().status == .ok)
        }
    }

    @Test func `leaves no password behind for an account that was closed between its look and its write`() async throws {
        try await withWorld { world in
            let service = world.service()
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            try await world.identity.atomically(AccountChange.closed.queries(user: id, position: 2, version: 2, emailHash: nil, at: world.clock.now))
            let isSet = try await Credentials(identity: world.identity).set(PasswordHash("$argon2id$"), for: id, at: world.clock.now)
            #expect(!isSet)
            #expect(try await world.count("credentials") == 0)
            await #expect(throws: AuthOperator.Failure.unknownUser) {
                try await world.administrator(of: service).setPassword(user: id, to: "an entirely new one")
            }
        }
    }

    @Test func `makes tokens of no session`() async throws {
        try await withWorld { world in
            let service = world.service()
            let subject = UUID.v7()
            let token = try await world.administrator(of: service).mintOperatorToken(subject: subject, role: .admin, lifetime: .seconds(60))
            #expect(try await service.verify(token) == SignedInUser(id: subject, role: .admin, session: nil, isOperator: true))
            for lifetime in [Duration.zero, .seconds(24 * 3600 + 1)] {
                await #expect(throws: AuthOperator.Failure.unacceptableLifetime) {
                    try await world.administrator(of: service).mintOperatorToken(subject: subject, role: .admin, lifetime: lifetime)
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The role annals_auth` {
    @Test(arguments: [
        "DELETE FROM identity.accounts", "TRUNCATE identity.credentials", "DELETE FROM identity.signing_keys",
        "UPDATE identity.signing_keys SET public_key = ''",
        "DELETE FROM identity.checkpoint", "UPDATE identity.refresh_tokens SET expires_at = now()",
        "UPDATE identity.sessions SET user_id = gen_random_uuid()",
        "CREATE TABLE identity.more (x int)", "CREATE TABLE public.more (x int)", "DROP TABLE identity.sessions",
    ])
    func `has no right to`(sql: String) async throws {
        try await withWorld { world async throws in
            let error = await #expect(throws: PostgresError.self) { try await world.identity.query(Statement("forbidden", sql)) }
            #expect(error?.sqlState == .insufficientPrivilege)
        }
    }
}

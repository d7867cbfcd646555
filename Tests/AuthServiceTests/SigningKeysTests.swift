import Crypto
import EventSourcing
import Foundation
import HTTPContract
import Postgres
import Testing

@testable import AuthService

@Suite struct `Signing keys` {
    @Test func `are one, however many processes start at once`() async throws {
        try await withWorld { world in
            let kids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<16 { group.addTask { try await world.service().keys.current().kid } }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(kids.count == 1)
            #expect(try await world.count("signing_keys") == 1)
        }
    }

    @Test func `survive a restart`() async throws {
        try await withWorld { world in
            let first = try await world.service().keys.current()
            let second = try await world.service().keys.current()
            #expect(first.kid == second.kid)
            #expect(first.privateKeyBytes == second.privateKeyBytes)
        }
    }

    @Test func `are stored locked`() async throws {
        try await withWorld { world in
            let key = try await world.service().keys.current()
            let row = try #require(
                try await world.identity.query(.init("stored_key", "SELECT wrapped_private_key, public_key FROM identity.signing_keys")).first)
            let stored = try row.get(0, as: [UInt8].self)
            #expect(Data(stored).range(of: Data(key.privateKeyBytes)) == nil)
            #expect(try row.get(1, as: [UInt8].self) == key.publicKey.x)
        }
    }

    @Test func `can't be used with another master key`() async throws {
        try await withWorld { world in
            let kid = try await world.service().keys.current().kid
            let stranger = SigningKeys(identity: world.identity, wrapping: .sealed(under: SymmetricKey(size: .bits256)), settings: AuthSettings())
            await #expect(throws: SigningKeys.Failure.wrongMasterKey(kid: kid)) { try await stranger.current() }
        }
    }

    @Test func `stay published after their retirement until their tokens have expired`() async throws {
        try await withWorld { world in
            let service = world.service()
            let old = try await service.keys.current().kid
            try await world.identity.query(
                .init("retire", "UPDATE identity.signing_keys SET retired_at = $1"), [.timestamp(world.clock.now.milliseconds)])
            let new = try await service.keys.reload().kid
            #expect(new != old)
            #expect(try await service.keys.current().kid == new)
            #expect(try await service.keys.published().map(\.kid) == [new, old])
            world.clock.advance(by: .seconds(24 * 3600 + 299))
            #expect(try await service.keys.published().map(\.kid) == [new, old])
            world.clock.advance(by: .seconds(2))
            #expect(try await service.keys.published().map(\.kid) == [new])
        }
    }
}

import AccessTokens
import Crypto
import EventSourcing
import Foundation
import HTTPContract
import JSON
import Postgres
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `Signing keys` {
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

    @Test func `are rotated with an overlap: published first, then signing, and withdrawn when the last token has expired`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            let old = try await service.keys.current().kid
            let before = try #require(try await service.logIn().data?["accessToken"]?.text)

            // An operator beside the running service.
            let rotation = try await world.service().keys.rotate()
            #expect(rotation.retired == old && rotation.signsFrom == world.clock.now.advanced(by: .seconds(600)))
            #expect(try await service.keys.current().kid == old)
            #expect(try await service.keys.published().map(\.kid) == [rotation.kid, old])
            #expect(try await service.verify(before).role == .user)

            world.clock.advance(by: .seconds(599))
            let last = try #require(try await service.logIn().data?["accessToken"]?.text)
            #expect(last.kid == old)
            world.clock.advance(by: .seconds(1))
            let first = try #require(try await service.logIn().data?["accessToken"]?.text)
            #expect(first.kid == rotation.kid)
            for token in [last, first] { #expect(try await service.verify(token).role == .user) }

            world.clock.advance(by: .seconds(24 * 3600 + 300))
            #expect(try await service.keys.published().map(\.kid) == [rotation.kid])
        }
    }

    @Test func `are known to every verifier before they sign`() async throws {
        try await withWorld { world in
            let service = world.service()
            _ = try await service.register()
            let verifier = TokenVerifier(now: { world.clock.now }, uptime: { world.clock.uptime }, fetchKeys: { try await service.keys.published() })
            let login = try #require(try await service.logIn().data?["accessToken"]?.text)
            #expect(try await verifier.verify(login).user(for: "queries").role == .user)
            _ = try await service.keys.rotate()
            // Any token within the overlap has the verifier fetch the set, once its own is five minutes old.
            world.clock.advance(by: .seconds(301))
            #expect(try await verifier.verify(#require(try await service.logIn().data?["accessToken"]?.text)).user(for: "queries").role == .user)
            world.clock.advance(by: .seconds(299))
            let next = try #require(try await service.logIn().data?["accessToken"]?.text)
            #expect(try await verifier.verify(next).user(for: "queries").role == .user)
        }
    }

    @Test func `are rotated one at a time, however many operators ask`() async throws {
        try await withWorld { world in
            let outcomes = try await withThrowingTaskGroup(of: KeyRotation?.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        do { return try await world.service().keys.rotate() } catch SigningKeys.Failure.rotationUnderWay { return nil }
                    }
                }
                return try await group.reduce(into: [KeyRotation?]()) { $0.append($1) }
            }
            #expect(outcomes.compactMap { $0 }.count == 1)
            #expect(try await world.count("signing_keys") == 2)
            let records = try await world.service().keys.records()
            #expect(records.map(\.signsFrom) == [world.clock.now.advanced(by: .seconds(600)), nil])
            #expect(records.map(\.retiredAt) == [nil, world.clock.now.advanced(by: .seconds(600))])
        }
    }

    @Test func `that are withdrawn sign and are published no more, and the next one signs at once`() async throws {
        try await withWorld { world in
            let keys = world.service().keys
            let old = try await keys.current().kid
            world.clock.advance(by: .seconds(1))
            // An operator beside the running service, whose very next token is another key's.
            let withdrawal = try await world.service().keys.revoke(old)
            #expect(withdrawal.kid == old && withdrawal.successor != old)
            #expect(try await keys.current().kid == withdrawal.successor)
            #expect(try await keys.published().map(\.kid) == [withdrawal.successor])
            #expect(try await keys.records().map(\.revokedAt) == [nil, world.clock.now])
            // A second time nothing happens.
            world.clock.advance(by: .seconds(1))
            #expect(try await keys.revoke(old) == withdrawal)
            #expect(try await world.count("signing_keys") == 2)
            #expect(try await keys.records().last?.revokedAt == world.clock.now.advanced(by: .seconds(-1)))
            await #expect(throws: SigningKeys.Failure.unknown(kid: "none")) { try await keys.revoke("none") }
        }
    }

    @Test func `are withdrawn during a rotation: the next key need not wait, and another takes a withdrawn one's place`() async throws {
        try await withWorld { world in
            let keys = world.service().keys
            let first = try await keys.current().kid
            let second = try await keys.rotate().kid
            #expect(try await keys.revoke(first).successor == second)
            #expect(try await keys.current().kid == second)

            let third = try await keys.rotate().kid
            let fourth = try await keys.revoke(third).successor
            #expect(try await keys.current().kid == second)
            #expect(Set(try await keys.published().map(\.kid)) == [second, fourth])
            world.clock.advance(by: .seconds(600))
            #expect(try await keys.current().kid == fourth)
        }
    }

    @Test func `go on signing when the one after them is withdrawn, for that which takes its place is not known yet`() async throws {
        try await withWorld { world in
            let keys = world.service().keys
            let first = try await keys.current().kid
            let last = try await keys.revoke(keys.rotate().kid).successor
            #expect(try await keys.current().kid == first)
            world.clock.advance(by: .seconds(600))
            #expect(try await keys.current().kid == last)
        }
    }

    @Test func `stay published after their retirement until their tokens have expired`() async throws {
        try await withWorld { world in
            let service = world.service()
            let old = try await service.keys.current().kid
            try await world.identity.query(
                .init("retire", "UPDATE identity.signing_keys SET retired_at = $1"), [.timestamp(world.clock.now.milliseconds)])
            let new = try await service.keys.current().kid
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

extension String {
    /// The `kid` in the header of a token.
    fileprivate var kid: String? {
        split(separator: ".").first.flatMap { Base64URL.decode($0.utf8) }.flatMap { try? JSONValue.parse($0) }?["kid"]?.text
    }
}

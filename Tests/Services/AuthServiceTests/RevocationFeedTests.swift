import AccessTokens
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import PublishingAPI
import TestSupport
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `The revocation feed` {
    @Test func `is for services only`() async throws {
        try await withAnn { world, service, ann in
            let token = try await service.logIn().accessToken
            for headers in [[:], [.authorization: "Bearer \(token)"]] as [HTTPFields] {
                #expect(try await service.call(.get, "/internal/revocations", headers: headers).status == .notFound)
            }
            let forged: HTTPFields = [.serviceToken: try ServiceIdentity.generate(.queries).token(to: .auth)]
            #expect(try await service.call(.get, "/internal/revocations", headers: forged).status == .unauthorized)
            let reply = try await service.call(.get, "/internal/revocations", headers: try world.asQueries)
            #expect(reply.status == .ok && reply.data?.members?.names == ["cursor", "sessions", "users", "keys"])
            #expect(reply.headers[.cacheControl] == "no-store")
        }
    }

    @Test func `tells of endings also where triggers are switched off for replicas`() async throws {
        try await withAnn { world, service, ann in
            let login = try await service.logIn()
            try await world.run("SET session_replication_role = replica; UPDATE identity.sessions SET revoked_at = now()")
            try await world.run("SET session_replication_role = replica; UPDATE identity.accounts SET tokens_from = now(), tokens_version = 7")
            let news = try await service.revocations.news(after: nil).revocations
            #expect(news.sessions == [try service.session(of: login)] && news.users == [ann.id: 7])
            #expect(try await world.count("refresh_tokens") == 0)
        }
    }

    @Test func `tells of a logout, and of a refresh token used twice`() async throws {
        try await withAnn { world, service, ann in
            let (first, second, third) = (try await service.logIn(), try await service.logIn(), try await service.logIn())
            _ = try await service.logOut(first.refreshToken)
            _ = try await service.refresh(second.refreshToken)
            world.clock.advance(by: .seconds(11))
            _ = try await service.refresh(second.refreshToken)
            let ended = try await service.revocations.news(after: nil).revocations.sessions
            #expect(ended == [try service.session(of: first), try service.session(of: second)])
            #expect(!ended.contains(try service.session(of: third)))
        }
    }

    @Test(arguments: ["UserDeactivated", "UserClosed", "UserRoleChanged"]) func `cuts off the tokens of before`(type: String) async throws {
        try await withAnn { world, service, ann in
            let login = try await service.logIn()
            world.log.write(type, to: ann, type == "UserRoleChanged" ? ["role": .string("admin")] : [:])
            try await service.catchUp(to: 2)
            let news = try await service.revocations.news(after: nil).revocations
            #expect(news.users == [ann.id: type == "UserClosed" ? Int(Int32.max) : 2])
            #expect(news.sessions == (type == "UserRoleChanged" ? [] : [try service.session(of: login)]))
        }
    }

    @Test(arguments: ["UserReactivated", "UserEmailChanged", "UserProfileChanged"]) func `does not speak of`(type: String) async throws {
        try await withAnn { world, service, ann in
            world.log.write(type, to: ann, type == "UserEmailChanged" ? ["email": .null] : [:])
            try await service.catchUp(to: 2)
            #expect(try await service.revocations.news(after: nil).revocations == Revocations())
        }
    }

    @Test func `goes on from a cursor, and misses nothing that was under way`() async throws {
        try await withAnn { world, service, ann in
            let (slow, quick) = (try await service.logIn(), try await service.logIn())
            let start = try await service.revocations.news(after: nil).cursor
            let cursor = try await world.identity.withTransaction { transaction -> String in
                // Begun before the reader looks, committed after it.
                try await transaction.query(
                    .init("end_slowly", "UPDATE identity.sessions SET revoked_at = $2 WHERE id = $1"),
                    [.uuid(service.session(of: slow)), .timestamp(world.clock.now.milliseconds)])
                _ = try await service.logOut(quick.refreshToken)
                let news = try await service.revocations.news(after: start)
                #expect(news.revocations.sessions == [try service.session(of: quick)])
                return news.cursor
            }
            let later = try await service.revocations.news(after: cursor)
            #expect(later.revocations.sessions.contains(try service.session(of: slow)))
            // Other tests' transactions on the same server may hold the cursor back for a moment.
            var news = later
            try await eventually {
                guard news.revocations != Revocations() else { return true }
                news = try await service.revocations.news(after: news.cursor)
                return false
            }
        }
    }

    @Test(arguments: ["", "x", "1.2", "99.99999999999999999999", "1.1 OR true", "-1.-1"]) func `tells all to a cursor that is none of this server's`(
        cursor: String
    ) async throws {
        try await withAnn { world, service, ann in
            let login = try await service.logIn()
            _ = try await service.logOut(login.refreshToken)
            #expect(try await service.revocations.news(after: cursor).revocations.sessions == [try service.session(of: login)])
        }
    }

    @Test func `forgets what no token can speak of any more`() async throws {
        try await withAnn { world, service, ann in
            _ = try await service.logOut(try await service.logIn().refreshToken)
            world.log.write("UserRoleChanged", to: ann, ["role": .string("admin")])
            try await service.catchUp(to: 2)
            world.clock.advance(by: .seconds(900))
            #expect(try await service.revocations.news(after: nil).revocations.sessions.count == 1)
            world.clock.advance(by: .seconds(60))
            let news = try await service.revocations.news(after: nil).revocations
            // An operator's token may live for a day.
            #expect(news.sessions.isEmpty && news.users.count == 1)
            world.clock.advance(by: .seconds(24 * 3600))
            #expect(try await service.revocations.news(after: nil).revocations == Revocations())
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A process that follows the feed` {
    @Test func `is woken at once by an auth service of its own, and refuses the ended session's token`() async throws {
        try await withWorld { world in
            let revocations = world.revocationList()
            let signal = Signal()
            let service = world.service(revocations: revocations, signal: signal)
            // By this clock the next look never comes by itself.
            let follower = world.follower(of: service, revocations, signal, clock: StoppedClock())
            _ = try await service.register()
            try await service.catchUp(to: 1)
            let login = try await service.logIn()
            await follower.look()
            #expect(try await service.verify(login.accessToken).role == .user)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await follower.run() }
                _ = try await service.logOut(login.refreshToken)
                try await eventually { revocations.count > 0 }
                group.cancelAll()
            }
            await #expect(throws: TokenError.self) { try await service.verify(login.accessToken) }
        }
    }

    @Test(arguments: ["UserDeactivated", "UserClosed", "UserRoleChanged"]) func `refuses the tokens of before, and takes those of after`(type: String)
        async throws
    {
        try await withWorld { world in
            let revocations = world.revocationList()
            let service = world.service(revocations: revocations)
            let follower = world.follower(of: service, revocations, Signal(), clock: StoppedClock())
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            try await service.catchUp(to: 1)
            let login = try await service.logIn()
            let operated = try await world.administrator(of: service).mintOperatorToken(subject: id, role: .user, lifetime: .seconds(600))
            await follower.look()
            for token in [login.accessToken, operated] { #expect(try await service.verify(token).id == id) }

            world.log.write(type, to: StreamName("user", id), type == "UserRoleChanged" ? ["role": .string("admin")] : [:])
            try await service.catchUp(to: 2)
            await follower.look()
            for token in [login.accessToken, operated] { await #expect(throws: TokenError.self) { try await service.verify(token) } }
            if type == "UserRoleChanged" {
                // In the very millisecond of the change.
                let refreshed = try await service.refresh(login.refreshToken)
                #expect(try await service.verify(refreshed.accessToken).id == id)
            }
        }
    }

    @Test func `takes no token of a key that was withdrawn beside it, and gives out and takes those of the next`() async throws {
        try await withWorld { world in
            let revocations = world.revocationList()
            let service = world.service(revocations: revocations)
            let follower = world.follower(of: service, revocations, Signal(), clock: StoppedClock())
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            try await service.catchUp(to: 1)
            let stolen = try await service.keys.current()
            let token = try await service.logIn().accessToken
            await follower.look()
            #expect(await problem(service, token) == nil)

            // An operator beside the running service.
            let withdrawal = try await world.service().keys.revoke(stolen.kid)
            #expect(await follower.look())
            let forged = try stolen.sign(
                AccessToken(
                    subject: id, role: .admin, session: nil, audience: ["auth"], issuedAt: world.clock.now,
                    expiresAt: world.clock.now.advanced(by: .seconds(600))))
            for token in [token, forged] { #expect(await problem(service, token) == .unauthenticated) }

            #expect(try await service.keys.current().kid == withdrawal.successor)
            // A verifier asks for a key that it doesn't know, every ten seconds at most.
            world.clock.advance(by: .seconds(10))
            let next = try await service.logIn().accessToken
            #expect(await problem(service, next) == nil)
        }
    }

    @Test func `takes no token once the feed has been away for a minute, and takes them again with its next word`() async throws {
        try await withWorld { world in
            let revocations = world.revocationList()
            let service = world.service(revocations: revocations)
            let follower = world.follower(of: service, revocations, Signal(), clock: StoppedClock())
            _ = try await service.register()
            try await service.catchUp(to: 1)
            let token = try await service.logIn().accessToken
            #expect(await problem(service, token) == .unavailable)
            await follower.look()
            world.clock.advance(by: .seconds(60))
            #expect(await problem(service, token) == nil)
            world.clock.advance(by: .milliseconds(1))
            #expect(await problem(service, token) == .unavailable)
            await follower.look()
            #expect(await problem(service, token) == nil)
        }
    }

    @Test func `takes no token once the accounts have been behind the log for a minute, and then knows who is out`() async throws {
        try await withWorld { world in
            let revocations = world.revocationList()
            let service = world.service(revocations: revocations) { $0.followerPatience = .zero }
            let follower = world.follower(of: service, revocations, Signal(), clock: StoppedClock())
            let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
            try await service.catchUp(to: 1)
            let token = try await service.logIn().accessToken
            await follower.look()
            // Nobody follows the log meanwhile.
            world.log.write("UserDeactivated", to: StreamName("user", id))
            #expect(await !follower.look())
            world.clock.advance(by: .seconds(60))
            await follower.look()
            #expect(await problem(service, token) == nil)
            world.clock.advance(by: .milliseconds(1))
            #expect(await problem(service, token) == .unavailable)
            try await service.catchUp(to: 2)
            #expect(await follower.look())
            #expect(await problem(service, token) == .unauthenticated)
        }
    }

    private func problem(_ service: Auth, _ token: String) async -> Problem.Code? {
        do {
            _ = try await service.verifier.verify(token)
            return nil
        } catch {
            switch error {
            case .invalid, .expired, .revoked: return .unauthenticated
            case .unavailable: return .unavailable
            }
        }
    }
}

extension World {
    fileprivate var asQueries: HTTPFields {
        get throws { [.serviceToken: try identities[.queries].token(to: .auth)] }
    }

    fileprivate func follower(
        of service: Auth, _ revocations: RevocationList, _ signal: Signal, clock: any Clock<Duration>
    ) -> RevocationFollower {
        RevocationFollower(
            revocations, signal: signal, clock: clock, logger: logger,
            feed: ServiceClient(identities[.queries], audience: .auth, upstream: service.responder).revocationFeed)
    }
}

extension Auth {
    /// The session that a sign-in opened, as its access token says; the tables forget the tokens of one that has ended.
    fileprivate func session(of login: Reply) throws -> UUID {
        let parts = login.accessToken.split(separator: ".")
        let claims = try JSONValue.parse(try #require(parts.count == 3 ? Base64URL.decode(parts[1].utf8) : nil))
        return try #require(claims["sid"]?.text.flatMap { UUID(lowercase: $0) })
    }
}

private func withAnn(_ body: @Sendable @escaping (World, Auth, StreamName) async throws -> Void) async throws {
    try await withWorld { world in
        let service = world.service()
        let id = try #require(try await service.register().data?["id"]?.text.flatMap { UUID(lowercase: $0) })
        try await service.catchUp(to: 1)
        try await body(world, service, StreamName("user", id))
    }
}

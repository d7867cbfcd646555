import AccessTokens
import CommandService
import Crypto
import EventLog
import EventLogTesting
import EventSourcing
import Foundation
import HTTPContract
import HTTPTypes
import JSON
import Postgres
import Publishing
import TestSupport
import Testing

@testable import AuthService

@Suite(.timeLimit(.minutes(5))) struct `Who asks for their account to be closed` {
    @Test func `gives the password again, and gets the closure's id`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let wrong = try await auth.close(ann, password: "not the password at all")
            #expect(wrong.status == 403 && wrong.code == "FORBIDDEN")
            #expect(try await auth.call(.delete, "/api/v1/users/me", #"{}"#, token: ann.token).status == 422)
            #expect(try await auth.call(.delete, "/api/v1/users/me", #"{"password":"\#(House.password)"}"#).status == 401)
            #expect(try await house.count("identity.closures") == 0)

            let accepted = try await auth.close(ann)
            #expect(accepted.status == 202)
            #expect(accepted.headers[.location] == "/api/v1/users/closures/\(accepted.closure ?? "")")
            #expect(accepted.headers[.position] == "1")
        }
    }

    @Test func `gets the same id again, however often and at once they ask`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            // No more at once than a password may be tried without a pause.
            let replies = try await withThrowingTaskGroup(of: Reply.self) { group in
                for _ in 0..<4 { group.addTask { try await auth.close(ann) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.allSatisfy { $0.status == 202 })
            #expect(Set(replies.map(\.closure)).count == 1)
            let again = try await auth.close(ann, headers: [.idempotencyKey: "k"])
            #expect(again.closure == replies[0].closure && again.headers[.idempotencyReplayed] == "true")
            #expect(try await house.count("identity.closures") == 1)
        }
    }

    @Test func `loses sessions and password, and the email is free`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let refresh = try #require(try await auth.logIn("ann").data?["refreshToken"]?.text)
            _ = try await auth.close(ann)
            try await auth.continueClosures()
            #expect(try await auth.logIn("ann").status == 401)
            #expect(try await auth.call(.post, "/api/v1/auth/refresh", #"{"refreshToken":"\#(refresh)"}"#).status == 401)
            for table in ["identity.credentials", "identity.sessions", "identity.refresh_tokens", "identity.accounts WHERE email_hash IS NOT NULL"] {
                #expect(try await house.count(table) == 0, "\(table)")
            }
            let new = try await auth.person("ann")
            #expect(new.id != ann.id)
        }
    }

    @Test(arguments: ["DELETE FROM vault.data_keys", "UPDATE vault.data_keys SET wrapped = overlay(wrapped PLACING '\\xffff' FROM 20)"])
    func `gets a receipt although the key to what they wrote was lost or damaged`(loss: String) async throws {
        try await House.open { house in
            let first = house.process()
            let ann = try await first.person("ann")
            _ = try await first.person("bob")
            let posts = try await house.posts(3, by: ann)
            try await house.log.runInVault(
                "ALTER TABLE vault.data_keys DISABLE TRIGGER ALL; \(loss) WHERE subject = '\(ann.id.lowercased)'")
            try await house.restarted { house in
                let auth = house.process()
                let accepted = try await auth.close(ann)
                #expect(accepted.status == 202, "\(accepted.body)")
                try await auth.continueClosures()
                let closure = try await auth.closure(accepted.closure)
                #expect(closure.done == ClosureStep.allCases.map(\.rawValue))
                #expect(closure.data?["receipt"]?.text != nil)
                for post in posts { #expect(try await house.happened(post).last == "PostDeleted") }
                // From now on it counts as forgotten, and no reader stumbles over it again.
                #expect(try await house.log.store.read(after: 0, limit: 100).allSatisfy { $0.unopened == nil })
            }
        }
    }

    @Test func `leaves old rows that are vacuumed away without waiting for others`() async throws {
        try await House.open { house in
            let impatient = "'{autovacuum_vacuum_threshold=0,autovacuum_vacuum_scale_factor=0}'"
            for table in ["accounts", "credentials", "sessions"] {
                let count = try await house.count("pg_class WHERE oid = 'identity.\(table)'::regclass AND reloptions = \(impatient)")
                #expect(count == 1, "\(table)")
            }
        }
    }

    @Test func `leaves neither an email nor a name where they are written into the request's id`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let accepted = try await auth.close(ann, headers: [.requestID: "ann@example.org"])
            #expect(accepted.status == 202 && accepted.headers[.requestID] == "ann@example.org")
            try await auth.continueClosures()
            let kept = house.log.hasher.kept(requestID: "ann@example.org")
            #expect(try await auth.closures.all(of: ann.id).map(\.correlation) == [kept])
            #expect(try await house.log.store.load(ann.stream).events.last?.metadata.correlation == kept)
        }
    }

    @Test func `as the last admin is refused, and may ask again when there is another`() async throws {
        try await House.open { house in
            let auth = house.process()
            let (root, toor) = (try await auth.person("root"), try await auth.person("toor"))
            try await house.order(UserRules.self, .changeRole(.admin), on: root.stream)
            try await house.order(AdminRules.self, AdminCommand(user: root.id, acts: true, authority: .server), on: AdminRules.stream)
            let refused = try await auth.close(root)
            #expect(refused.status == 409 && refused.code == "CONFLICT")
            #expect(try await auth.closures.all(of: root.id).map(\.status) == [.refused])
            #expect(try await auth.logIn("root").status == 200)

            try await house.order(AdminRules.self, AdminCommand(user: toor.id, acts: true, authority: .server), on: AdminRules.stream)
            let accepted = try await auth.close(root)
            #expect(accepted.status == 202)
            try await auth.continueClosures()
            #expect(try await house.happened(root.stream).last == "UserClosed")
        }
    }

    @Test func `when deactivated is refused`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            // Not followed yet, so only the log knows.
            try await house.order(UserRules.self, .deactivate, on: ann.stream)
            let refused = try await auth.close(ann)
            #expect(refused.status == 401)
            #expect(try await house.happened(ann.stream).last == "UserDeactivated")
        }
    }

    @Test func `is closed also when deactivated after the wish was accepted`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            _ = try await auth.close(ann)
            try await house.order(UserRules.self, .deactivate, on: ann.stream)
            try await auth.continueClosures()
            #expect(try await house.happened(ann.stream) == ["UserRegistered", "UserDeactivated", "UserClosed"])
        }
    }

    @Test func `names a version, which holds`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            #expect(try await auth.close(ann, headers: [.ifMatch: "\"9\""]).status == 412)
            // The body is judged first, also beside a tag that can be no version.
            let incomplete = try await auth.call(.delete, "/api/v1/users/me", "{}", token: ann.token, headers: [.ifMatch: "W/\"x\""])
            #expect(incomplete.status == 422)
            #expect(try await auth.close(ann, headers: [.ifMatch: "\"1\""]).status == 202)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `A closure under way` {
    @Test(arguments: [UserCommand.changeRole(.admin), .reactivate]) func `lets nobody make its user an admin, or active again`(
        order: UserCommand
    ) async throws {
        try await House.open { house in
            let auth = house.process()
            let (root, ann) = (try await auth.person("root"), try await auth.person("ann"))
            try await house.administer(.changeRole(.admin), root)
            let id = try await auth.close(ann).closure
            await #expect(throws: AccountClosing.self) { try await house.administer(order, ann) }
            await #expect(throws: AdminRefusal.lastAdmin) { try await house.administer(.changeRole(.user), root) }
            try await auth.continueClosures()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
        }
    }

    @Test func `waits for what stands against it after its first step, and is never refused then`() async throws {
        try await House.open { house in
            let auth = house.process()
            let (root, ann) = (try await auth.person("root"), try await auth.person("ann"))
            try await house.administer(.changeRole(.admin), root)
            let id = try await auth.close(ann).closure
            // Let in again on purpose, and by now the last admin.
            for order in [UserCommand.deactivate, .changeRole(.admin), .reactivate] { try await house.administer(order, ann) }
            try await house.administer(.changeRole(.user), root)
            try await auth.continueClosures()
            let waiting = try await auth.closure(id)
            #expect(waiting.data?["status"]?.text == "running" && waiting.done == ["release-claim"])

            try await house.administer(.changeRole(.admin), root)
            house.clock.advance(by: .seconds(1))
            try await auth.continueClosures()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
            #expect(try await house.happened(ann.stream).last == "UserClosed")
        }
    }

    @Test func `that another process took over is what its wish is answered with`() async throws {
        try await House.open { house in
            let ann = try await house.process().person("ann")
            let runner = house.process()
            let slow = house.process(
                reaching: SlowUpstream(service: house.commands) {
                    // The answer to the first step comes when the lease is over, and everything is done.
                    house.clock.advance(by: Closures.lease + .seconds(1))
                    try await runner.continueClosures()
                })
            let accepted = try await slow.close(ann)
            #expect(accepted.status == 202)
            #expect(try await runner.closure(accepted.closure).data?["status"]?.text == "done")
            #expect(try await house.count("identity.closures") == 1)
        }
    }

    @Test func `changes nothing for a process that has lost its lease`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            _ = try await auth.close(ann)
            let (lease, steps) = (UUID.v7(), auth.closureRunner.steps)
            let taken = try #require(try await auth.closures.take(under: lease))
            let closed = try await steps.perform(try #require(try taken.next), of: taken, lease: lease)
            // The next step would end the sessions and forget the password.
            let ending = try #require(try closed.next)
            await #expect(throws: Closures.LeaseLost.self) { _ = try await steps.perform(ending, of: closed, lease: .v7()) }
            #expect(try await house.count("identity.credentials") == 1)
            #expect(try await house.count("identity.closure_steps") == 2)
        }
    }

    @Test func `keeps the key until the read tables are scrubbed, and tries again ever more seldom`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            house.readTables.isScrubbed = false
            let id = try await auth.close(ann).closure
            try await auth.continueClosures()
            let waiting = try await auth.closure(id)
            #expect(waiting.data?["status"]?.text == "running" && waiting.data?["receipt"] == nil)
            #expect(waiting.done == ["release-claim", "close-account", "end-sessions", "delete-posts"])
            #expect(try await house.hasKey(ann))
            #expect(house.readTables.questions == 1)

            // Not before a second has gone by, then not before two more.
            try await auth.continueClosures()
            #expect(house.readTables.questions == 1)
            house.clock.advance(by: .seconds(1))
            try await auth.continueClosures()
            #expect(house.readTables.questions == 2)
            house.clock.advance(by: .seconds(1))
            try await auth.continueClosures()
            #expect(house.readTables.questions == 2)

            house.readTables.isScrubbed = true
            house.clock.advance(by: .seconds(1))
            try await auth.continueClosures()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
            #expect(try await !house.hasKey(ann))
        }
    }

    @Test func `is carried on by the running service without being asked`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await auth.run() }
                defer { group.cancelAll() }
                let id = try await auth.close(ann).closure
                try await eventually { try await auth.closure(id).data?["status"]?.text == "done" }
            }
            #expect(try await !house.hasKey(ann))
        }
    }

    @Test func `is shown to whoever has its id, and to nobody who guesses`() async throws {
        try await House.open { house in
            let auth = house.process()
            let id = try await auth.close(try await auth.person("ann")).closure
            let shown = try await auth.call(.get, "/api/v1/users/closures/\(id ?? "")", headers: [.authorization: "Bearer of.a.dead.token"])
            #expect(shown.status == 200)
            #expect(shown.done == ["release-claim"])
            #expect(try await auth.closure(UUID.v7().lowercased).status == 404)
            #expect(try await auth.closure("1").status == 400)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct `The receipt of a closure` {
    @Test func `verifies with the published keys and says what was done, when and where`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let posts = try await house.posts(3, by: ann)
            let id = try await auth.close(ann).closure
            try await auth.continueClosures()
            let claims = try await Self.verified(try #require(try await auth.closure(id).data?["receipt"]?.text), by: auth)
            #expect(claims["jti"]?.text == id && claims["sub"]?.text == ann.id.lowercased && claims["iss"]?.text == "annals")
            guard case .array(let steps)? = claims["steps"] else { Issue.record("no steps"); return }
            #expect(steps.count == 6)
            let closed = try await house.log.store.load(ann.stream).events.last
            #expect(steps[1]["position"]?.int == closed?.position)
            #expect(steps[3]["count"]?.int == Int64(posts.count))
            #expect(steps[3]["position"]?.int == (try await house.log.store.head()))
        }
    }

    @Test func `is signed anew once its key is published no more`() async throws {
        try await House.open { house in
            let auth = house.process()
            let id = try await auth.close(try await auth.person("ann")).closure
            try await auth.continueClosures()
            let first = try #require(try await auth.closure(id).data?["receipt"]?.text)
            try await house.identity.query(
                .init("retire", "UPDATE identity.signing_keys SET retired_at = $1"), [.timestamp(house.clock.now.milliseconds)])
            house.clock.advance(by: .seconds(48 * 60 * 60))
            let later = house.process()
            let second = try #require(try await later.closure(id).data?["receipt"]?.text)
            #expect(first != second)
            let steps = try await Self.verified(second, by: later)["steps"]
            #expect(steps == Self.claims(first)["steps"])
        }
    }

    @Test func `is no access token`() async throws {
        try await House.open { house in
            let auth = house.process()
            let id = try await auth.close(try await auth.person("ann")).closure
            try await auth.continueClosures()
            let receipt = try #require(try await auth.closure(id).data?["receipt"]?.text)
            await #expect(throws: TokenError.self) { try await auth.verifier.verify(receipt) }
        }
    }

    private static func claims(_ token: String) -> JSONObject {
        let parts = token.split(separator: ".")
        return parts.count == 3 ? (Base64URL.decode(parts[1].utf8).flatMap { try? JSONValue.parse($0) }?.members ?? [:]) : [:]
    }

    private static func verified(_ token: String, by auth: Auth) async throws -> JSONObject {
        let parts = token.split(separator: ".")
        let header = try JSONValue.parse(try #require(Base64URL.decode(parts[0].utf8)))
        #expect(header["typ"]?.text == "closure-receipt+jwt")
        let set = try await auth.call(.get, "/.well-known/jwks.json").body
        let key = try #require(VerificationKey.keys(jwks: set).first { $0.kid == header["kid"]?.text })
        let point = try Curve25519.Signing.PublicKey(rawRepresentation: key.x)
        #expect(point.isValidSignature(try #require(Base64URL.decode(parts[2].utf8)), for: Array("\(parts[0]).\(parts[1])".utf8)))
        return claims(token)
    }
}

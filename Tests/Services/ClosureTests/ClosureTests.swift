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
@testable import Processes
@testable import RelayService

@Suite(.timeLimit(.minutes(5))) struct `Who asks for their account to be closed` {
    @Test func `gives the password again, and gets the closure's id`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let wrong = try await auth.close(ann, password: "not the password at all")
            #expect(wrong.status == 403 && wrong.code == "FORBIDDEN")
            #expect(try await auth.call(.delete, "/api/v1/users/me", #"{}"#, token: ann.token).status == 422)
            #expect(try await auth.call(.delete, "/api/v1/users/me", #"{"password":"\#(House.password)"}"#).status == 401)
            #expect(try await house.requests(of: ann).isEmpty)

            let accepted = try await auth.close(ann)
            #expect(accepted.status == 202)
            #expect(accepted.headers[.location] == "/api/v1/users/closures/\(accepted.closure ?? "")")
            #expect(accepted.headers[.position] == "2")
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
            #expect(try await house.requests(of: ann).count == 1)
        }
    }

    @Test func `loses sessions and password, and the email is free`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            let refresh = try #require(try await auth.logIn("ann").data?["refreshToken"]?.text)
            _ = try await auth.close(ann)
            try await house.work()
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
                try await house.work()
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
            try await house.work()
            let kept = house.log.hasher.kept(requestID: "ann@example.org")
            #expect(try await house.requests(of: ann).map(\.metadata.correlation) == [kept])
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
            #expect(try await house.requests(of: root).isEmpty)
            #expect(try await auth.logIn("root").status == 200)

            try await house.order(AdminRules.self, AdminCommand(user: toor.id, acts: true, authority: .server), on: AdminRules.stream)
            let accepted = try await auth.close(root)
            #expect(accepted.status == 202)
            try await house.work()
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
            try await house.work()
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
            try await house.work()
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
            try await house.work()
            let waiting = try await auth.closure(id)
            #expect(waiting.data?["status"]?.text == "running" && waiting.done == ["release-claim"])

            try await house.administer(.changeRole(.admin), root)
            house.clock.advance(by: .seconds(1))
            try await house.work()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
            #expect(try await house.happened(ann.stream).last == "UserClosed")
        }
    }

    @Test func `that is done before its request is answered has been accepted all the same`() async throws {
        try await House.open { house in
            let ann = try await house.process().person("ann")
            let slow = house.process(reaching: SlowUpstream(service: house.commands) { try await house.work() })
            let accepted = try await slow.close(ann)
            #expect(accepted.status == 202)
            #expect(try await slow.closure(accepted.closure).data?["status"]?.text == "done")
            #expect(try await house.requests(of: ann).count == 1)
        }
    }

    @Test func `ends no session and destroys no key before the log calls the account closed`() async throws {
        try await House.open { house in
            let ann = try await house.process().person("ann")
            _ = try await house.process().close(ann)
            for step in ["end-sessions", "destroy-key"] {
                let command = ProcessCommand(id: .v7(), process: ann.id, step: step, isUndo: false, body: [:], correlation: nil)
                await #expect(throws: UnexpectedAnswer.self) { _ = try await house.closing().execute(command) }
            }
            for table in ["credentials", "sessions"] { #expect(try await house.count("identity.\(table)") == 1, "\(table)") }
            #expect(try await house.hasKey(ann))
        }
    }

    @Test func `can be neither taken back by an operator nor led past a step`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            house.readTables.isScrubbed = false
            let id = try await auth.close(ann).closure
            try await house.work()
            for wish in [ProcessRequest.cancel, .compensate] {
                await #expect(throws: ProcessRefusal.pastPivot) { try await house.ask(wish, of: ann) }
            }
            try await house.ask(.skip, of: ann)
            try await house.work()
            #expect(house.readTables.questions == 2)
            #expect(try await house.hasKey(ann))
            #expect(try await auth.closure(id).done.last == "delete-posts")
            house.readTables.isScrubbed = true
            try await house.ask(.retry, of: ann)
            try await house.work()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
        }
    }

    @Test func `keeps the key until the read tables are scrubbed, and tries again ever more seldom`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            house.readTables.isScrubbed = false
            let id = try await auth.close(ann).closure
            try await house.work()
            let waiting = try await auth.closure(id)
            #expect(waiting.data?["status"]?.text == "running" && waiting.data?["receipt"] == nil)
            #expect(waiting.done == ["release-claim", "close-account", "end-sessions", "delete-posts"])
            #expect(try await house.hasKey(ann))
            #expect(house.readTables.questions == 1)

            // Not before a second has gone by, then not before two more.
            try await house.work()
            #expect(house.readTables.questions == 1)
            house.clock.advance(by: .seconds(1))
            try await house.work()
            #expect(house.readTables.questions == 2)
            house.clock.advance(by: .seconds(1))
            try await house.work()
            #expect(house.readTables.questions == 2)

            house.readTables.isScrubbed = true
            house.clock.advance(by: .seconds(1))
            try await house.work()
            #expect(try await auth.closure(id).data?["status"]?.text == "done")
            #expect(try await !house.hasKey(ann))
        }
    }

    @Test func `is carried on by the running relay without being asked`() async throws {
        try await House.open { house in
            let auth = house.process()
            let ann = try await auth.person("ann")
            try await house.log.withPool(as: "annals_relay") { pool in
                let processes = ProcessSubscriber(
                    [house.closing()], log: house.log.store, journal: LogJournal(house.log.store), pool: pool, logger: house.logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await processes.run() }
                    defer { group.cancelAll() }
                    let id = try await auth.close(ann).closure
                    try await eventually { try await auth.closure(id).data?["status"]?.text == "done" }
                }
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
            try await house.work()
            let claims = try await Self.verified(try #require(try await auth.closure(id).data?["receipt"]?.text), by: auth)
            #expect(claims["jti"]?.text == id && claims["sub"]?.text == ann.id.lowercased && claims["iss"]?.text == "annals")
            guard case .array(let steps)? = claims["steps"] else { Issue.record("no steps"); return }
            #expect(steps.count == 6)
            let closed = try await house.log.store.load(ann.stream).events.last
            #expect(steps[1]["position"]?.int == closed?.position)
            #expect(steps[3]["count"]?.int == Int64(posts.count))
            var last: Int64 = 0
            for post in posts { last = max(last, try await house.log.store.load(post).events.last?.position ?? 0) }
            #expect(steps[3]["position"]?.int == last)
        }
    }

    @Test func `is signed anew once its key is published no more`() async throws {
        try await House.open { house in
            let auth = house.process()
            let id = try await auth.close(try await auth.person("ann")).closure
            try await house.work()
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
            try await house.work()
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

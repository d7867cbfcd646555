import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Identity, end to end` {
    @Test func `an operator makes the first admin, who makes and unmakes others`() async throws {
        try await withSystem { system, anyone in
            let (user, bob) = (try await anyone.signedUp("ann"), try await anyone.signedUp("bob"))
            #expect(try await user.call(.GET, "/users").status == 403)
            #expect(try await system.annals("users", "promote", "nobody@example.org").code == 1)
            let promoted = try await system.annals("users", "promote", "ANN@example.org")
            #expect(promoted.code == 0, "\(promoted.output)")

            // The role is in the token: the one from before ends, and the next sign-in has the new one.
            try await user.becomesUnauthenticated()
            let ann = try await anyone.signedIn("ann")
            let listed = try await ann.call(.GET, "/users")
            #expect(listed.status == 200)
            let bobID = try await bob.ownID()
            let annID = try #require(try await ann.call(.GET, "/users/me").data["id"]?.text)

            #expect(try await ann.call(.PUT, "/users/\(annID)/role", json: #"{"role":"user"}"#).status == 409)
            #expect(try await system.annals("users", "demote", "ann@example.org").code == 1)
            #expect(try await bob.call(.PUT, "/users/\(bobID)/role", json: #"{"role":"admin"}"#).status == 403)
            #expect(try await ann.call(.PUT, "/users/\(bobID)/role", json: #"{"role":"admin"}"#).status == 200)
            try await bob.becomesUnauthenticated()
            let admin = try await anyone.signedIn("bob")
            #expect(try await admin.call(.POST, "/users/\(annID)/deactivate").status == 200)

            // Deactivated: no command from that moment on, no read once the feed has told, no sign-in.
            #expect([401, 403].contains(try await ann.call(.POST, "/users/\(bobID)/deactivate").status))
            #expect(try await ann.call(.POST, "/posts", json: #"{"title":"A","content":"B"}"#).status == 401)
            try await ann.becomesUnauthenticated()
            #expect(try await anyone.signedIn("ann").token == nil)
            // As the read model has it.
            var lines: [JSONValue] = []
            try await eventually {
                lines = try await system.annals("users", "list", "--json").output.split(separator: "\n").compactMap {
                    try? JSONValue.parse(Array($0.utf8))
                }
                return lines.compactMap { $0["role"]?.text } == ["admin", "admin"]
            }
            #expect(lines.compactMap { $0["username"]?.text } == ["ann", "bob"])

            #expect(try await system.annals("users", "reactivate", "ann@example.org").code == 0)
            // The running process hears of another's events within a second.
            try await eventually { try await anyone.signedIn("ann").token != nil }
            #expect(try await system.annals("users", "demote", "bob@example.org").code == 0)
            try await admin.becomesUnauthenticated()
        }
    }

    @Test func `a session that ends takes its access token with it, in every service`() async throws {
        try await withSystem(environment: ["ANNALS_REFRESH_GRACE": "0s"]) { system, anyone in
            let session = try await anyone.signedIn("ann", registering: true)
            let other = try await anyone.signedIn("ann")
            #expect(try await anyone.call(.POST, "/auth/logout", json: #"{"refreshToken":"\#(session.refreshToken ?? "")"}"#).status == 204)
            try await session.becomesUnauthenticated()
            // Each process hears of it by itself.
            try await eventually { try await session.call(.POST, "/posts", json: #"{"title":"A","content":"B"}"#).status == 401 }
            #expect(try await session.call(.POST, "/auth/password", json: "{}").status == 401)

            // The end of a session ends the pair that its refresh token was used for, too.
            let refreshed = try await anyone.call(.POST, "/auth/refresh", json: #"{"refreshToken":"\#(other.refreshToken ?? "")"}"#)
            let next = Client(base: anyone.base, token: refreshed.data["accessToken"]?.text)
            _ = try await next.ownID()
            let newest = #"{"refreshToken":"\#(refreshed.data["refreshToken"]?.text ?? "")"}"#
            #expect(try await anyone.call(.POST, "/auth/logout", json: newest).status == 204)
            #expect(try await anyone.call(.POST, "/auth/refresh", json: newest).status == 401)
            try await next.becomesUnauthenticated()

            // A refresh token that is used twice is a stolen one, where no grace is given.
            let again = try await anyone.signedIn("ann")
            let third = #"{"refreshToken":"\#(again.refreshToken ?? "")"}"#
            #expect(try await anyone.call(.POST, "/auth/refresh", json: third).status == 200)
            #expect(try await anyone.call(.POST, "/auth/refresh", json: third).status == 401)
        }
    }

    @Test func `keys are rotated beside the running system, and nobody is signed out`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let rotated = try await system.annals("keys", "rotate")
            #expect(rotated.code == 0, "\(rotated.output)")
            #expect(try await system.annals("keys", "rotate").code == 1)
            let published = try await anyone.call(.GET, system.api.replacingOccurrences(of: "/api/v1", with: "/.well-known/jwks.json"))
            guard case .array(let keys)? = published.json["keys"] else { Issue.record("no keys: \(published)"); return }
            #expect(keys.count == 2)
            #expect(published.headers.first(name: "Cache-Control") == "public, max-age=300")
            _ = try await ann.ownID()
            #expect(try await anyone.signedIn("ann").call(.GET, "/users/me").status == 200)
        }
    }

    @Test func `a key that leaked is withdrawn beside the running system, and sessions go on`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedIn("ann", registering: true)
            guard case .array(let keys)? = try JSONValue.parse(Array(try await system.annals("keys", "list", "--json").output.utf8)) as JSONValue?,
                let leaked = keys.first?["kid"]?.text
            else { Issue.record("no keys"); return }
            #expect(try await system.annals("keys", "revoke", "none").code == 1)
            let revoked = try await system.annals("keys", "revoke", leaked)
            #expect(revoked.code == 0, "\(revoked.output)")
            try await ann.becomesUnauthenticated()
            let refreshed = try await anyone.call(.POST, "/auth/refresh", json: #"{"refreshToken":"\#(ann.refreshToken ?? "")"}"#)
            let next = Client(base: anyone.base, token: refreshed.data["accessToken"]?.text)
            // Its key is asked for within seconds.
            try await eventually { try await next.call(.GET, "/users/me").status == 200 }
        }
    }

    @Test func `is not ready while the accounts are behind the log`() async throws {
        try await withSystem { system, anyone in
            _ = try await anyone.signedUp("ann")
            let ready = system.api.replacingOccurrences(of: "/api/v1", with: "/ready")
            try await system.session("annals_identity") { session in
                try await session.execute(script: "BEGIN; LOCK TABLE identity.checkpoint IN EXCLUSIVE MODE")
                #expect(try await system.annals("users", "deactivate", "ann@example.org").code == 0)
                try await eventually {
                    let behind = try await anyone.call(.GET, ready)
                    return behind.status == 503 && behind.json["checks"]?["accounts"]?["status"]?.text == "down"
                }
                try await session.execute(script: "ROLLBACK")
            }
            try await eventually { try await anyone.call(.GET, ready).status == 200 }
        }
    }

    @Test func `of 64 clients that register one email, one gets it`() async throws {
        try await withSystem { system, anyone in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<64 {
                    group.addTask { try await anyone.register("user\(number)", email: "same@example.org") }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [201: 1, 409: 63])
            #expect(try await system.query("SELECT count(*) FROM log.events", in: "annals_log") == "1")
            #expect(try await system.query("SELECT count(*) FROM identity.credentials", in: "annals_identity") == "1")
        }
    }

    /// 3 rounds; 12 with ANNALS_LONG_TESTS=1.
    @Test func `registrations survive kill -9 in the middle: whole or not at all`() async throws {
        let rounds = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 12 : 3
        try await withDataDirectory { directory in
            var acknowledged: [String] = []
            for round in 0..<rounds {
                let system = try await RunningSystem(dataDirectory: directory)
                let client = Client(base: system.api)
                let limit = acknowledged.count + Int.random(in: 1...30)
                print("round \(round): killed after \(limit) registrations")
                let answered = await withTaskGroup(of: [String].self) { group in
                    for worker in 0..<8 {
                        group.addTask {
                            var done: [String] = []
                            for number in 0..<30 {
                                let name = "r\(round)_w\(worker)_n\(number)"
                                // An error is the system's end: whether this one was registered, nobody was told.
                                guard let status = try? await client.register(name, email: "\(name)@example.org") else { break }
                                if status == 201 { done.append(name) }
                            }
                            return done
                        }
                    }
                    group.addTask {
                        let kill = "SELECT count(*) >= \(limit) FROM log.events WHERE type = 'UserRegistered'"
                        _ = try? await eventually { (try? await system.query(kill, in: "annals_log")) == "true" }
                        await system.kill()
                        return []
                    }
                    return await group.reduce(into: [String]()) { $0 += $1 }
                }
                acknowledged += answered
            }
            let system = try await RunningSystem(dataDirectory: directory)
            let registered = try await system.streams("SELECT substr(stream, 6) FROM log.events WHERE type = 'UserRegistered'", in: "annals_log")
            // Every registration that the log knows is finished, by the follower or by maintenance.
            var active: Set<String> = []
            try await eventually {
                active = try await system.streams("SELECT user_id::text FROM identity.credentials WHERE state = 'active'", in: "annals_identity")
                return active == registered
            }
            let pending = try await system.streams("SELECT user_id::text FROM identity.credentials WHERE state = 'pending'", in: "annals_identity")
            #expect(pending.isDisjoint(with: registered))
            #expect(registered.count >= acknowledged.count)
            let client = Client(base: system.api)
            for name in acknowledged { #expect(try await client.signedIn(name).token != nil, "\(name)") }
            #expect(await system.interrupt() == 0)
        }
    }
}

extension RunningSystem {
    /// Runs one of the operator's commands beside it.
    func annals(_ arguments: String...) async throws -> (code: Int32, output: String) {
        try await Launch.run(arguments + ["--data-dir", dataDirectory])
    }

    /// The values of one column.
    fileprivate func streams(_ sql: String, in database: String) async throws -> Set<String> {
        Set(try await query("SELECT string_agg(x, ' ') FROM (\(sql)) AS rows (x)", in: database).split(separator: " ").map(String.init))
    }
}

extension Client {
    /// Registers, waiting while too many others do. Returns the status.
    fileprivate func register(_ username: String, email: String) async throws -> Int {
        let body = #"{"username":"\#(username)","email":"\#(email)","password":"a password of \#(username)"}"#
        var status = 503
        try await eventually {
            status = try await call(.POST, "/auth/register", json: body).status
            return status != 503
        }
        return status
    }

    /// Signs in; without a token when that is refused.
    fileprivate func signedIn(_ username: String, registering: Bool = false) async throws -> Session {
        if registering { _ = try await register(username, email: "\(username)@example.org") }
        var session = Session(base: base, token: nil, refreshToken: nil)
        try await eventually {
            let login = try await call(
                .POST, "/auth/login", json: #"{"email":"\#(username)@example.org","password":"a password of \#(username)"}"#)
            session = Session(base: base, token: login.data["accessToken"]?.text, refreshToken: login.data["refreshToken"]?.text)
            return login.status != 503
        }
        return session
    }

    /// Asks until the token is refused.
    fileprivate func becomesUnauthenticated() async throws {
        try await eventually { try await call(.GET, "/users/me").status == 401 }
    }
}

/// A sign-in.
private struct Session {
    let base: String
    let token: String?
    let refreshToken: String?

    private var client: Client { Client(base: base, token: token) }

    func call(_ method: HTTPMethod, _ path: String, json: String? = nil) async throws -> Client.Answer {
        try await client.call(method, path, json: json)
    }

    func becomesUnauthenticated() async throws { try await client.becomesUnauthenticated() }
}

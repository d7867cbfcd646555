import AccessTokens
import EventSourcing
import Foundation
import Glibc
import JSON
import NIOHTTP1
import Postgres
import PublishingAPI
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The services apart` {
    private static let names = ["auth", "commands", "gateway", "projector", "queries", "relay"]

    @Test func `do together what one process does, each with what it needs and no more`() async throws {
        try await withSystem(isApart: true) { system, anyone in
            #expect(try system.services().keys.sorted() == Self.names)
            try await walk(system, anyone)
            try await checkCredentials(system)
            try await checkTokens(system)
            try await checkCommands(system)
            let children = try system.services().values
            #expect(await system.interrupt() == 0)
            #expect(children.allSatisfy { !$0.isAlive })
        }
    }

    /// Register, sign in, write, publish, read, history, close the account, receipt.
    private func walk(_ system: RunningSystem, _ anyone: Client) async throws {
        let ann = try await anyone.signedUp("ann")
        let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"First post."}"#)
        let id = try #require(drafted.data["id"]?.text)
        let published = try await ann.call(.POST, "/posts/\(id)/publish")
        #expect(drafted.status == 201 && published.status == 200)
        let wait = ["Wait-For-Position": published.position]
        #expect(try await anyone.call(.GET, "/posts/by-slug/hello", headers: wait).data["author"]?["username"]?.text == "ann")
        // A view goes from the query service to the command service.
        let viewed = try await anyone.call(.POST, "/posts/\(id)/views", headers: wait)
        #expect(viewed.status == 202)
        let history = try await ann.call(.GET, "/posts/\(id)/history")
        #expect(history.body.count > 0 && String(decoding: history.body, as: UTF8.self).contains("PostPublished"))
        #expect(try await anyone.call(.GET, "/users/me").status == 401)

        let readiness = system.api.replacing("/api/v1", with: "/ready")
        // On a busy machine a slow answer counts as down.
        try await eventually {
            let ready = try await anyone.call(.GET, readiness)
            #expect(ready.json["services"]?.members?.names == ["commands", "queries", "auth", "projector", "relay"])
            return ready.status == 200 && ready.json["services"]?["projector"]?["status"]?.text == "up"
                && ready.json["projections"]?["posts"]?["lag"]?.int != nil && ready.json["checks"]?["identity"]?["status"]?.text == "up"
        }

        let closing = try await ann.call(.DELETE, "/users/me", json: #"{"password":"a password of ann"}"#)
        #expect(closing.status == 202)
        let closure = try #require(closing.data["closureId"]?.text)
        try await eventually { try await anyone.call(.GET, "/users/closures/\(closure)").data["receipt"]?.text != nil }
        #expect(try await anyone.call(.GET, "/posts/\(id)").status == 404)
        try await eventually { try await ann.call(.GET, "/users/me").status == 401 }
    }

    private func checkCredentials(_ system: RunningSystem) async throws {
        let services = try system.services()
        let databases = [
            "gateway": [], "auth": ["IDENTITY", "LOG", "VAULT"], "commands": ["LOG", "VAULT"], "queries": ["READ"],
            "projector": ["LOG", "READ", "VAULT"], "relay": ["LOG", "VAULT"],
        ]
        for (name, child) in services {
            let urls = child.environment.filter { $0.key.hasSuffix("_URL") }
            #expect(urls.keys.sorted() == databases[name]?.map { "ANNALS_\($0)_URL" }, "\(name)")
            for url in urls.values { #expect(url.hasPrefix("postgres://annals_\(name):"), "\(name)") }
        }
        // The rights of the query service's log-in.
        let own = try ConnectionTarget(url: try #require(services["queries"]?.environment["ANNALS_READ_URL"]))
        #expect(try await canRead("SELECT FROM annals.checkpoints", own))
        #expect(try await !canRead("DELETE FROM annals.checkpoints", own))
        for database in ["annals_vault", "annals_log", "annals_identity"] { #expect(try await !canRead("SELECT 1", own.database(database))) }
        // A role's password is its own.
        let vault = try #require(services["auth"]?.environment["ANNALS_VAULT_URL"])
        let password = try #require(services["queries"]?.environment["ANNALS_READ_URL"]?.firstMatch(of: /annals_queries:([0-9a-f]+)@/)?.1)
        for other in ["annals_auth", "annals_commands", "annals_projector", "annals_relay"] {
            let stolen = vault.replacing(/annals_auth:[0-9a-f]+@/, with: "\(other):\(password)@")
            #expect(try await !canRead("SELECT 1", ConnectionTarget(url: stolen)), "\(other)")
            #expect(try await !canRead("SELECT 1", ConnectionTarget(url: stolen.replacing(":\(password)@", with: "@"))), "\(other)")
        }
    }

    private func canRead(_ sql: String, _ target: ConnectionTarget) async throws -> Bool {
        do {
            _ = try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) {
                try await $0.query(Statement("probe", sql))
            }
            return true
        } catch is PostgresError {
            return false
        }
    }

    /// Over HTTP: a token opens the service that it is for, if that lists its caller, and no other.
    private func checkTokens(_ system: RunningSystem) async throws {
        let services = try system.services()
        func status(_ identity: ServiceIdentity, to audience: ServiceName, at service: String, _ path: String) async throws -> Int {
            let base = try #require(services[service]).base
            let token = try identity.token(to: audience)
            return try await Client(base: base).call(.GET, path, headers: ["X-Annals-Service": token]).status
        }
        func identity(_ name: ServiceName) throws -> ServiceIdentity {
            let digits = try String(contentsOfFile: "\(system.dataDirectory)/keys/services/\(name.rawValue).key", encoding: .utf8)
                .compactMap(\.hexDigitValue)
            return try ServiceIdentity(name, seed: stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
        }
        // A good token for one service is worth nothing at any other.
        for endpoint in [Endpoint.revocations, .erasures, .postPosition] {
            guard case .services(let callers) = endpoint.route.access else { continue }
            for audience in ServiceName.allCases where audience != endpoint.route.service {
                let service = endpoint.route.service
                for caller in callers {
                    let path = endpoint.path("01980000-0000-7000-8000-000000000001")
                    let answer = try await status(identity(caller), to: audience, at: service.rawValue, path)
                    #expect(answer == 401, "\(caller) with a token for \(audience) at \(service)")
                }
            }
        }
        let commands = try identity(.commands)
        #expect(try await status(commands, to: .auth, at: "auth", "/internal/revocations") == 200)
        for service in ["commands", "queries"] {
            #expect(try await status(commands, to: .auth, at: service, "/internal/erasures?from=1") == (service == "queries" ? 401 : 404))
        }
        #expect(try await status(commands, to: .queries, at: "queries", "/internal/erasures?from=1") == 404)
        #expect(try await status(identity(.auth), to: .queries, at: "auth", "/internal/revocations") == 401)
        #expect(try await status(.generate(.commands), to: .auth, at: "auth", "/internal/revocations") == 401)
        #expect(try await Client(base: system.api).call(.GET, system.api.replacing("/api/v1", with: "/internal/revocations")).status == 404)
    }

    /// The operator's commands find the system as they find one process.
    private func checkCommands(_ system: RunningSystem) async throws {
        let status = try await system.annals("projections", "status")
        #expect(status.code == 0 && status.output.contains("current"), "\(status.output)")
        let verified = try await system.annals("projections", "verify", "--all")
        #expect(verified.code == 0, "\(verified.output)")
        #expect(try await system.annals("audit", "verify").code == 0)
    }

    @Test func `come back by themselves when they are killed`() async throws {
        try await withSystem(isApart: true) { system, anyone in
            let ann = try await anyone.signedUp("ann")
            for (number, name) in Self.names.enumerated() {
                let killed = try #require(try system.services()[name])
                kill(killed.pid, SIGKILL)
                try await eventually { try system.services()[name].map { $0.pid != killed.pid } ?? false }
                try await eventually {
                    // While a service is away, connections may be refused.
                    (try? await ann.call(.POST, "/posts", json: #"{"title":"After \#(number)","content":"x","publish":true}"#))?.status == 201
                }
                try await eventually { (try? await anyone.call(.GET, "/posts/by-slug/after-\(number)"))?.status == 200 }
                try await eventually {
                    let login = #"{"email":"ann@example.org","password":"a password of ann"}"#
                    return (try? await anyone.call(.POST, "/auth/login", json: login))?.status == 200
                }
            }
        }
    }

    @Test func `end with the process that has started them, also when that is killed`() async throws {
        try await withDataDirectory { directory in
            // On ports that it chooses.
            let anyPorts = ["ANNALS_AUTH_PORT": "0", "ANNALS_COMMANDS_PORT": "0", "ANNALS_QUERIES_PORT": "0", "ANNALS_RELAY_PORT": "0"]
            let first = try await RunningSystem(dataDirectory: directory, environment: anyPorts, isApart: true)
            let children = try first.services().values
            #expect(children.count == 6)
            await first.kill()
            try await eventually { children.allSatisfy { !$0.isAlive } }
            // And the next start takes the PostgreSQL over.
            let second = try await RunningSystem(dataDirectory: directory, isApart: true)
            #expect(try await Client(base: second.api).call(.GET, "/posts").status == 200)
            #expect(await second.interrupt() == 0)
        }
    }

    @Test func `are refused in one line when two of them are given the same port`() async throws {
        try await withDataDirectory { directory in
            let refused = try await Launch.run(
                ["up", "--apart", "--port", "0", "--data-dir", directory],
                environment: ["ANNALS_AUTH_PORT": "43210", "ANNALS_QUERIES_PORT": "43210"])
            let line = "annals: ANNALS_AUTH_PORT and ANNALS_QUERIES_PORT are both 43210: each service needs a port of its own\n"
            #expect(refused.code == 2 && refused.output == line, "\(refused.output)")
        }
    }

    @Test func `are refused in one line when something is missing, and make nothing`() async throws {
        try await withDataDirectory { directory in
            let without = try await Launch.run(["serve", "queries", "--data-dir", directory])
            #expect(without.code == 1 && without.output.hasPrefix("annals: there is no data folder at \(directory)"), "\(without.output)")
            let first = try await RunningSystem(dataDirectory: directory, isApart: false)
            _ = await first.interrupt()
            let nowhere = try await Launch.run(["serve", "queries", "--data-dir", directory])
            #expect(nowhere.code == 1 && nowhere.output == "annals: ANNALS_READ_URL must be set: the queries service needs that database\n")
            unlink("\(directory)/keys/services/queries.key")
            let keyless = try await Launch.run(
                ["serve", "queries", "--data-dir", directory], environment: ["ANNALS_READ_URL": "postgres://127.0.0.1:1/none"])
            #expect(keyless.code == 1 && keyless.output.hasPrefix("annals: the key file \(directory)/keys/services/queries.key is missing"))
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/keys/services/queries.key"))
        }
    }
}

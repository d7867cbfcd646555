import Foundation
import NIOHTTP1
import Testing

/// Two clusters whose owner may make roles and databases and is no superuser: everything works for them, and nobody else is needed.
/// - Parameter programs: the folder of the servers' programs; nil for the usual ones.
func ownerWhoMayMakeRoles(programs: String? = nil) async throws {
    try await withServer(programs: programs) { first in
        try await withServer(programs: programs) { second in
            try await withDataDirectory { directory in
                var urls: [String: String] = [:]
                for (location, names) in [(first, ["log", "identity"]), (second, ["read", "vault"])] {
                    try await letEveryUserIn(at: location)
                    try await execute("CREATE ROLE maker LOGIN CREATEROLE CREATEDB NOSUPERUSER", at: location)
                    for name in names { try await execute("CREATE DATABASE annals_\(name)", at: location, as: "maker") }
                    let all = urlsOfDatabases(at: location, user: "maker") { "annals_\($0)" }
                    for name in names { urls["ANNALS_\(name.uppercased())_URL"] = all["ANNALS_\(name.uppercased())_URL"] }
                }
                // The second time there is nothing to do.
                for _ in 1...2 {
                    let migrated = try await Launch.run(["migrate", "--data-dir", directory], environment: urls)
                    #expect(migrated.code == 0, "\(migrated.output)")
                }
                let system = try await RunningSystem(dataDirectory: directory, environment: urls)
                let ann = try await Client(base: system.api).signedUp("ann")
                let posted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
                #expect(posted.status == 201)
                let read = try await Client(base: system.api).call(
                    .GET, "/posts/by-slug/kept", headers: ["Wait-For-Position": posted.position])
                #expect(read.status == 200)
                for command in [["projections", "rebuild", "--all"], ["projections", "verify", "--all"], ["audit", "verify"]] {
                    let done = try await Launch.run(command + ["--data-dir", directory], environment: urls)
                    #expect(done.code == 0, "\(command): \(done.output)")
                }
                #expect(await system.interrupt() == 0)
            }
        }
    }
}

/// A cluster where a superuser has made the services' roles before the owner, who may make roles, comes to it.
/// - Parameter programs: the folder of the server's programs.
func ownerWhoMeetsRoles(programs: String) async throws {
    try await withServer(programs: programs) { server in
        try await withDataDirectory { directory in
            try await letEveryUserIn(at: server)
            for role in ["annals_commands", "annals_projector", "annals_queries", "annals_auth", "annals_relay"] {
                try await execute("CREATE ROLE \(role)", at: server)
            }
            try await execute("CREATE ROLE maker LOGIN CREATEROLE CREATEDB NOSUPERUSER", at: server)
            for name in ["log", "read", "identity", "vault"] { try await execute("CREATE DATABASE annals_\(name)", at: server, as: "maker") }
            let urls = urlsOfDatabases(at: server, user: "maker") { "annals_\($0)" }
            // Since PostgreSQL 16 the right to make roles is none to join those of others.
            let refused = try await Launch.run(["migrate", "--data-dir", directory], environment: urls)
            let statements = try #require(refused.output.firstMatch(of: #/a superuser must run: ([^(]*)/#)?.output.1, "\(refused.output)")
            #expect(refused.code == 1 && statements.contains("GRANT annals_commands TO maker;"), "\(refused.output)")
            try await execute(statements.trimmingCharacters(in: .whitespaces), at: server)
            let migrated = try await Launch.run(["migrate", "--data-dir", directory], environment: urls)
            #expect(migrated.code == 0, "\(migrated.output)")
        }
    }
}

import Foundation
import JSON
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `An operator` {
    @Test func `erases a user who can't ask, with the same receipt, and not the last admin`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            _ = try await anyone.signedUp("eve")
            let post = try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"ann's words","publish":true}"#)
            let id = try #require(post.data["id"]?.text)

            #expect(try await system.annals("users", "erase", "ann@example.org").code == 2)
            #expect(try await system.annals("users", "erase", "nobody@example.org", "--yes").code == 1)
            let erased = try await system.annals("users", "erase", "ann@example.org", "--yes", "--wait", "600")
            #expect(erased.code == 0, "\(erased.output)")
            let receipt = erased.output.split(separator: "\n").first ?? ""
            #expect(receipt.split(separator: ".").count == 3, "\(erased.output)")

            #expect(try await anyone.call(.GET, "/posts/\(id)").status == 404)
            let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"ann@example.org","password":"a password of ann"}"#)
            #expect(login.status == 401)
            #expect(try await system.annals("users", "erase", "ann@example.org", "--yes").output.contains("no such user"))

            #expect(try await system.annals("users", "promote", "eve@example.org").code == 0)
            let refused = try await system.annals("users", "erase", "eve@example.org", "--yes")
            #expect(refused.code == 1)
            #expect(refused.output.contains("last admin"), "\(refused.output)")
        }
    }

    @Test func `exports a person by email as by id`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let id = try await ann.ownID()
            let byEmail = try await system.annals("users", "export", "ANN@example.org")
            #expect(byEmail.code == 0, "\(byEmail.output)")
            #expect(try JSONValue.parse(byEmail.output)["user"]?.text == id)
            #expect(try await system.annals("users", "export", id).code == 0)
        }
    }

    @Test func `names several read models, and is told of a name that there is not`() async throws {
        try await withSystem { system, _ in
            let both = try await system.annals("projections", "rebuild", "posts", "users")
            #expect(both.code == 0, "\(both.output)")
            #expect(both.output.contains("Rebuilt posts") && both.output.contains("Rebuilt users") && !both.output.contains("view_counts"))
            let all = try await system.annals("projections", "verify", "--all")
            #expect(all.code == 0, "\(all.output)")
            for model in ["posts", "trending", "users", "view_counts"] { #expect(all.output.contains("\(model) at position"), "\(all.output)") }
            for command in ["rebuild", "verify", "rollback", "drop"] {
                let unknown = try await system.annals("projections", command, "post")
                #expect(unknown.code == 1)
                #expect(unknown.output == "annals: there is no read model post; did you mean posts?\n", "\(command)")
            }
            let keys = try await system.annals("keys", "list")
            #expect(keys.output.contains("signs"), "\(keys.output)")
        }
    }

    @Test func `interrupts a rebuild, is told what is left, and finds the live tables as they were`() async throws {
        try await withSystem { system, anyone in
            let ann = try await anyone.signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Hello","content":"x","publish":true}"#)
            #expect(try await anyone.call(.GET, "/posts", headers: ["Wait-For-Position": drafted.position]).status == 200)
            let interrupted = try await system.session("annals_read") { session in
                // The swap waits for as long as this transaction has seen the live tables.
                try await session.execute(script: "BEGIN; SELECT FROM posts.post")
                let rebuild = try Launch(["projections", "rebuild", "posts", "--data-dir", system.dataDirectory])
                try await eventually {
                    try await system.query("SELECT count(*) FROM annals.builds WHERE purpose = 'rebuild'", in: "annals_read") != "0"
                }
                rebuild.process.interrupt()
                let output = await rebuild.output()
                await rebuild.process.waitForExit()
                try await session.execute(script: "COMMIT")
                return (code: rebuild.process.terminationStatus, output: output)
            }
            #expect(interrupted.code == 1)
            #expect(interrupted.output.contains("annals: interrupted; the live tables are as they were"), "\(interrupted.output)")
            #expect(try await system.annals("projections", "verify", "posts").code == 0)
        }
    }

    @Test func `is told by each command which database is not there`() async throws {
        try await withSystem { system, anyone in
            _ = try await anyone.signedUp("ann")
            let blog = "\(system.dataDirectory)/blog/posts"
            try FileManager.default.createDirectory(atPath: blog, withIntermediateDirectories: true)
            try Data("---\ntitle: A\n---\nx\n".utf8).write(to: URL(fileURLWithPath: "\(blog)/a.md"))
            let commands: [(String, [String])] = [
                ("users list", ["read"]), ("users promote ann@example.org", ["vault", "log"]),
                ("users export ann@example.org", ["vault", "identity", "log"]), ("users erase ann@example.org --yes", ["vault", "identity"]),
                ("keys list", ["identity"]), ("keys rotate", ["identity"]), ("events tail", ["vault", "log"]),
                ("events show user-01980000-0000-7000-8000-000000000001", ["vault", "log"]),
                ("audit checkpoint", ["log"]), ("audit verify", ["log"]), ("audit export", ["vault", "log"]), ("audit export --proofs", ["log"]),
                ("projections list", ["read", "log"]), ("projections status", ["read", "log"]), ("projections parked", ["read"]),
                ("projections rebuild posts", ["read", "log", "vault"]), ("projections verify posts", ["read", "log", "vault"]),
                ("projections rollback posts", ["read", "log"]), ("import \(system.dataDirectory)/blog", ["vault", "log"]),
            ]
            for (command, databases) in commands {
                for database in databases {
                    var urls = try system.databaseURLs
                    let name = "ANNALS_\(database.uppercased())_URL"
                    urls[name] = urls[name]?.replacingOccurrences(of: "annals_\(database)", with: "nowhere")
                    let told = try await Launch.run(
                        command.split(separator: " ").map(String.init) + ["--data-dir", system.dataDirectory], environment: urls)
                    #expect(told.code == 1 || told.code == 2, "\(command): \(told.output)")
                    #expect(told.output.hasPrefix("annals: the \(database) database at "), "\(command): \(told.output)")
                    #expect(told.output.hasSuffix("is not there: database \"nowhere\" does not exist\n"), "\(command): \(told.output)")
                    #expect(told.output.split(separator: "\n").count == 1, "\(command): \(told.output)")
                }
            }
        }
    }

    @Test func `is told when no system runs that would erase a user, and the next one does it`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = try await Client(base: first.api).signedUp("ann")
            // Its PostgreSQL goes on.
            await first.kill()
            let told = try await first.annals("users", "erase", "ann@example.org", "--yes", "--wait", "0")
            #expect(told.code == 1)
            #expect(told.output.contains("annals: no running system has begun the closure within 0 s"), "\(told.output)")
            let second = try await RunningSystem(dataDirectory: directory)
            let anyone = Client(base: second.api)
            let login = #"{"email":"ann@example.org","password":"a password of ann"}"#
            try await eventually { try await anyone.call(.POST, "/auth/login", json: login).status == 401 }
            _ = await second.interrupt()
        }
    }

    @Test func `asks for its version, and is told what a mistyped command meant`() async throws {
        let version = try await Launch.run(["--version"])
        #expect(version.code == 0)
        #expect(version.output == "0.1.0\n")
        let mistyped = try await Launch.run(["projection", "status"])
        #expect(mistyped.code == 2)
        #expect(mistyped.output.hasPrefix("annals: did you mean projections?\n"))
    }
}

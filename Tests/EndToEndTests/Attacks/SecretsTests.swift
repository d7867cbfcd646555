import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(longestTest))) struct `A secret` {
    private static let key = String(repeating: "5ec7e7", count: 11).prefix(64)

    /// The value that `annals config --json` shows of a setting.
    private func value(of variable: String, in output: String) throws -> String? {
        guard case .array(let settings) = try JSONValue.parse(output) else { return nil }
        return settings.first { $0["variable"]?.text == variable }?["value"]?.text
    }

    @Test func `is shown by no command and stands in no process's arguments`() async throws {
        let url = "postgres://owner:hunter2secret@127.0.0.1:1/annals"
        var environment = Dictionary(uniqueKeysWithValues: ["LOG", "READ", "IDENTITY", "VAULT"].map { ("ANNALS_\($0)_URL", url) })
        environment["ANNALS_MASTER_KEY"] = String(Self.key)
        let shown = try await Launch.run(["config", "--json"], environment: environment)
        let log = try value(of: "ANNALS_LOG_URL", in: shown.output)
        #expect(shown.code == 0 && log == "host=127.0.0.1 port=1 user=owner dbname=annals password=<redacted>")
        #expect(try value(of: "ANNALS_MASTER_KEY", in: shown.output) == "<redacted>")
        #expect(!shown.output.contains("hunter2secret") && !shown.output.contains(Self.key))

        try await withDataDirectory { directory in
            // The failure to reach the database does not quote its password either.
            let failed = try await Launch.run(["migrate", "--data-dir", directory, "--log-level", "trace"], environment: environment)
            #expect(failed.code == 1 && !failed.output.contains("hunter2secret") && !failed.output.contains(Self.key), "\(failed.output)")

            let system = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_MASTER_KEY": String(Self.key)])
            let ann = try await Client(base: system.api).signedUp("ann")
            #expect(ann.token != nil)
            let service = try String(contentsOfFile: directory + "/keys/services/auth.key", encoding: .utf8).trimmingCharacters(
                in: .whitespacesAndNewlines)
            for process in [system.processIdentifier, try system.postmaster()] {
                let arguments = String(decoding: try KernelFile.contents("/proc/\(process)/cmdline"), as: UTF8.self)
                #expect(!arguments.isEmpty && !arguments.contains(Self.key) && !arguments.contains(service))
            }
            #expect(!FileManager.default.fileExists(atPath: directory + "/keys/master.key"), "the key of the environment is written nowhere")
            let rights = try FileManager.default.attributesOfItem(atPath: directory + "/keys/services/auth.key")[.posixPermissions] as? Int
            #expect(rights == 0o600)
            _ = await system.interrupt()
        }
    }

    @Test func `can be read from a file`() async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try "postgres://owner:hunter2secret@db.example/annals\n".write(toFile: directory + "/url", atomically: true, encoding: .utf8)
            let environment = Dictionary(
                uniqueKeysWithValues: ["LOG", "READ", "IDENTITY", "VAULT"].map { ("ANNALS_\($0)_URL_FILE", directory + "/url") })
            let shown = try await Launch.run(["config", "--json"], environment: environment)
            let log = try value(of: "ANNALS_LOG_URL", in: shown.output)
            #expect(shown.code == 0 && log == "host=db.example user=owner dbname=annals password=<redacted>", "\(shown.output)")
            let both = try await Launch.run(["config"], environment: environment.merging(["ANNALS_LOG_URL": "postgres://x"]) { _, new in new })
            #expect(both.code == 2 && both.output.contains("ANNALS_LOG_URL_FILE"))
        }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A key` {
    @Test(arguments: [
        ("keys/master.key", 0o644, "600"), ("keys/services/queries.key", 0o602, "600"), ("keys/audit.key", 0o604, "600"), ("keys", 0o755, "700"),
    ])
    func `that every user of the machine can read or write is refused in one line`(row: (path: String, mode: Int, remedy: String)) async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = await first.interrupt()
            let path = "\(directory)/\(row.path)"
            try FileManager.default.setAttributes([.posixPermissions: row.mode], ofItemAtPath: path)
            let refused = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            let rights = "is open to every user of this machine (mode \(String(row.mode, radix: 8)))"
            #expect(refused.code == 1)
            #expect(refused.output == "annals: \(path) \(rights), and keys are secret: chmod \(row.remedy) \(path)\n")
        }
    }

    @Test func `that a group can read is taken with a warning, as it is mounted into a container`() async throws {
        try await withDataDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let (key, log) = (directory + "/mounted", directory + ".log")
            defer { try? FileManager.default.removeItem(atPath: log) }
            try String(repeating: "5a", count: 32).write(toFile: key, atomically: false, encoding: .utf8)
            for (mode, isWarned) in [(0o440, true), (0o400, false)] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: key)
                let system = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_MASTER_KEY_FILE": key], logFile: log)
                _ = await system.interrupt()
                let lines = try String(contentsOfFile: log, encoding: .utf8)
                #expect(lines.contains("a key is open to its file's group") == isWarned)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(longestTest))) struct `A log line` {
    @Test func `holds nothing personal at any level, of good calls and bad`() async throws {
        try await withDataDirectory { directory in
            let log = directory + ".log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let system = try await RunningSystem(dataDirectory: directory, environment: ["ANNALS_LOG_LEVEL": "trace"], logFile: log)
            let anyone = Client(base: system.api)
            // Each text is one of its kind, so that finding it means that it was logged: a few letters of it stand now and then in ids and tokens.
            let register = #"{"username":"zyxwvutsusername","email":"zyxwvutsmail@example.org","password":"zyxwvutspassword long"}"#
            #expect(try await anyone.call(.POST, "/auth/register", json: register).status == 201)
            #expect(try await anyone.call(.POST, "/auth/register", json: register).status == 409)
            _ = try await anyone.call(.POST, "/auth/login", json: #"{"email":"zyxwvutsmail@example.org","password":"zyxwvutswrong password"}"#)
            let login = try await anyone.call(.POST, "/auth/login", json: #"{"email":"zyxwvutsmail@example.org","password":"zyxwvutspassword long"}"#)
            let zyx = Client(base: system.api, token: try #require(login.data["accessToken"]?.text))
            let refresh = try #require(login.data["refreshToken"]?.text)
            let profile = try await zyx.call(.PATCH, "/users/me", json: #"{"displayName":"zyxwvutsdisplay","bio":"zyxwvutsbio"}"#)
            #expect(profile.status == 200)
            let drafted = try await zyx.call(
                .POST, "/posts", json: #"{"title":"zyxwvutstitle","content":"zyxwvutscontent","slug":"zyxwvutsslug","publish":true}"#)
            #expect(drafted.status == 201)
            #expect(try await zyx.call(.POST, "/posts", json: #"{"title":"t","content":"c","slug":"zyxwvutsslug"}"#).status == 409)
            #expect(try await anyone.call(.GET, "/posts/by-slug/zyxwvutsslug", headers: ["Wait-For-Position": drafted.position]).status == 200)
            _ = try await anyone.call(.POST, "/auth/refresh", json: #"{"refreshToken":"\#(refresh)"}"#)
            _ = try await anyone.call(.POST, "/auth/refresh", json: #"{"refreshToken":"\#(refresh)"}"#)
            _ = try await zyx.call(.PATCH, "/users/me", json: #"{"email":"zyxwvutsbroken"#)
            _ = try await zyx.call(.GET, "/users/me?x=zyxwvutsquery", headers: ["X-Other": "zyxwvutsheader"])
            // The second use has ended the session.
            let again = try await anyone.call(.POST, "/auth/login", json: #"{"email":"zyxwvutsmail@example.org","password":"zyxwvutspassword long"}"#)
            let back = Client(base: system.api, token: try #require(again.data["accessToken"]?.text))
            // And when the database itself refuses, with rows to quote.
            try await system.execute("ALTER TABLE posts.post ADD CONSTRAINT picky CHECK (title <> 'zyxwvutsparked')", in: "annals_read")
            #expect(try await back.call(.POST, "/posts", json: #"{"title":"zyxwvutsparked","content":"zyxwvutscontent"}"#).status == 201)
            try await eventually { try await system.query("SELECT count(*) FROM annals.parked_events", in: "annals_read") != "0" }
            try await system.execute("ALTER TABLE posts.post RENAME COLUMN title TO other", in: "annals_read")
            #expect(try await anyone.call(.GET, "/posts/by-slug/zyxwvutsslug").status == 500)
            _ = await system.interrupt()

            let lines = try String(contentsOfFile: log, encoding: .utf8)
            #expect(
                lines.contains("requestId") && lines.contains("/api/v1/posts/by-slug/{slug}"),
                "the failure is there to be found: \(lines.suffix(2000))")
            let server = try String(contentsOfFile: directory + "/postgres/data/server.log", encoding: .utf8)
            #expect(server.contains("ERROR"))
            for text in [lines, server] {
                #expect(!text.contains("zyxwvuts"), "\(text.components(separatedBy: "\n").filter { $0.contains("zyxwvuts") })")
                #expect(!text.contains(refresh) && !text.contains(zyx.token ?? "") && !text.contains("$argon2id$"))
            }
        }
    }
}

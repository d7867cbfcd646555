import EventSourcing
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `Starting and stopping` {
    @Test func `Ctrl-C ends it cleanly, and the next start goes on where it was`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: first.api).signedUp("ann")
            let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Kept","content":"x","publish":true}"#)
            #expect(drafted.status == 201)
            let stop = await first.interrupt()
            #expect(stop == 0)

            let second = try await RunningSystem(dataDirectory: directory)
            let found = try await Client(base: second.api).call(.GET, "/posts/by-slug/kept", headers: ["Wait-For-Position": drafted.position])
            #expect(found.data["id"] == drafted.data["id"])
            // The token outlives the restart too: its key is kept.
            _ = try await Client(base: second.api, token: ann.token).ownID()
            _ = await second.interrupt()
        }
    }

    @Test func `after a kill of everything nothing acknowledged is missing`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: first.api).signedUp("ann")
            var last = ""
            for number in 1...20 {
                let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"Post \#(number)","content":"x","publish":true}"#)
                #expect(drafted.status == 201)
                last = drafted.position
            }
            try await first.killEverything()

            let second = try await RunningSystem(dataDirectory: directory)
            let list = try await Client(base: second.api).call(.GET, "/posts?limit=100", headers: ["Wait-For-Position": last])
            #expect(list.json["pagination"]?["total"]?.int == 20)
            _ = await second.interrupt()
        }
    }

    @Test func `after a kill of its process alone it takes its PostgreSQL over`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = try await Client(base: first.api).signedUp("ann")
            await first.kill()
            let second = try await RunningSystem(dataDirectory: directory)
            #expect(try await Client(base: second.api).call(.GET, "/posts").status == 200)
            let stop = await second.interrupt()
            #expect(stop == 0)
            #expect(FileManager.default.fileExists(atPath: directory + "/postgres/data/PG_VERSION"))
            #expect(!FileManager.default.fileExists(atPath: directory + "/postgres/data/postmaster.pid"))
        }
    }

    @Test func `after a kill of its PostgreSQL it starts that again and answers`() async throws {
        try await withSystem { system, client in
            let ann = try await client.signedUp("ann")
            let killed = try system.killDatabase()
            // A connection may outlive the postmaster for a moment, so an answer counts once there is a new one.
            try await eventually { ((try? system.postmaster()) ?? killed) != killed }
            try await eventually { try await client.call(.GET, "/posts").status == 200 }
            var position = ""
            try await eventually {
                let drafted = try await ann.call(.POST, "/posts", json: #"{"title":"After","content":"x","publish":true}"#)
                position = drafted.position
                return drafted.status == 201
            }
            try await eventually {
                try await client.call(.GET, "/posts/by-slug/after", headers: ["Wait-For-Position": position]).status == 200
            }
        }
    }

    @Test func `a port in use is one clear line and exit code 1`() async throws {
        try await withSystem { system, _ in
            try await withDataDirectory { directory in
                let second = try await Launch.run(["up", "--port", "\(system.port)", "--data-dir", directory])
                #expect(second.code == 1)
                #expect(second.output.hasPrefix("annals: port \(system.port) on 127.0.0.1 can't be used"))
                #expect(second.output.split(separator: "\n").count == 1)
            }
        }
    }

    @Test func `a second system on the same data is one clear line and exit code 1`() async throws {
        try await withSystem { system, _ in
            let second = try await Launch.run(["up", "--port", "0", "--data-dir", system.dataDirectory])
            #expect(second.code == 1)
            #expect(second.output.hasPrefix("annals: "))
            #expect(second.output.split(separator: "\n").count == 1)
        }
    }

    @Test(
        arguments: [
            (["up", "--port", "0", "--data-dir", "/proc/annals"], [:], 1, "annals: the data folder /proc/annals can't be written to"),
            (
                ["up", "--port", "0"], ["ANNALS_LOG_URL": "postgres://127.0.0.1:1/none"], 1,
                "annals: ANNALS_READ_URL, ANNALS_IDENTITY_URL, ANNALS_VAULT_URL must be set too"
            ),
            (["up", "--port", "70000"], [:], 2, "annals: ANNALS_PORT takes a number from 0 to 65535, not 70000"),
            (["up", "--no-such-flag"], [:], 2, "Error: Unknown option '--no-such-flag'"),
        ] as [([String], [String: String], Int32, String)])
    func `wrong settings are one clear line`(arguments: [String], environment: [String: String], code: Int32, line: String) async throws {
        let launch = try await Launch.run(arguments, environment: environment)
        #expect(launch.code == code)
        #expect(launch.output.hasPrefix(line))
    }

    @Test func `a database that does not answer is one clear line without its password`() async throws {
        try await withDataDirectory { directory in
            let url = "postgres://ann:very-secret@127.0.0.1:1/none"
            let environment = Dictionary(uniqueKeysWithValues: ["LOG", "READ", "IDENTITY", "VAULT"].map { ("ANNALS_\($0)_URL", url) })
            let launch = try await Launch.run(["up", "--port", "0", "--data-dir", directory], environment: environment)
            #expect(launch.code == 1)
            #expect(launch.output.hasPrefix("annals: the log database at "))
            #expect(!launch.output.contains("very-secret"))
            #expect(launch.output.split(separator: "\n").count == 1)
        }
    }

    @Test func `a database newer than the binary is one clear line and exit code 1`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            try await first.execute(
                "INSERT INTO schema_migrations (version, name, checksum) VALUES (9999, '9999_from_the_future.sql', 'x')", in: "annals_log")
            _ = await first.interrupt()
            let second = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(second.code == 1)
            #expect(second.output.hasPrefix("annals: the log database"))
            #expect(second.output.contains("9999"))
        }
    }

    @Test func `a data folder of another build is one line that says what to do, and exit code 1`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            try await first.execute("UPDATE schema_migrations SET name = '0001_events.sql', checksum = 'x'", in: "annals_log")
            _ = await first.interrupt()
            let second = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(second.code == 1)
            #expect(second.output.hasPrefix("annals: the log database: another build made the database, with 0001_events.sql in place of 0001_log."))
            #expect(second.output.contains("--data-dir"))
            #expect(second.output.split(separator: "\n").count == 1)
        }
    }

    @Test func `a log that lacks what the accounts have followed ends the start before the ready line`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            let ann = try await Client(base: first.api).signedUp("ann")
            #expect(try await ann.call(.POST, "/posts", json: #"{"title":"Lost","content":"x"}"#).status == 201)
            try await eventually { try await first.query("SELECT position FROM identity.checkpoint", in: "annals_identity") == "2" }
            try await first.execute(
                """
                ALTER TABLE log.events DISABLE TRIGGER ALL;
                DELETE FROM log.events WHERE position > 1;
                ALTER TABLE log.events ENABLE ALWAYS TRIGGER events_are_append_only
                """,
                in: "annals_log")
            _ = await first.interrupt()
            let second = try await Launch.run(["up", "--port", "0", "--data-dir", directory])
            #expect(second.code == 1)
            #expect(!second.output.contains("is ready"), "\(second.output)")
            #expect(second.output.contains("no longer holds event 2"), "\(second.output)")
        }
    }
}

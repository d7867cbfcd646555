import Foundation
import NIOHTTP1
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `The keys beside the databases` {
    @Test(arguments: ["master.key", "services/auth.key", "cursors.key", "audit.key"]) func `are never replaced when one is missing`(name: String)
        async throws
    {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = try await Client(base: first.api).signedUp("ann")
            _ = await first.interrupt()
            let path = "\(directory)/keys/\(name)"
            try FileManager.default.moveItem(atPath: path, toPath: "\(directory)/kept")
            let line = try await refusedStart(in: directory)
            #expect(line.hasPrefix("annals: the key file \(path) is missing"))
            #expect(!FileManager.default.fileExists(atPath: path))
            // A command of the operator's makes none, either.
            _ = try await Launch.run(["keys", "list", "--data-dir", directory])
            #expect(!FileManager.default.fileExists(atPath: path))

            try FileManager.default.moveItem(atPath: "\(directory)/kept", toPath: path)
            let second = try await RunningSystem(dataDirectory: directory)
            #expect(try await Client(base: second.api).call(.GET, "/posts").status == 200)
            _ = await second.interrupt()
        }
    }

    @Test func `are the same for all processes on them`() async throws {
        try await withSystem { first, client in
            _ = try await client.signedUp("ann")
            let urls = try first.databaseURLs
            try await withDataDirectory { other in
                let keys = "\(other)/keys"
                try FileManager.default.createDirectory(atPath: keys, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                func copy(_ name: String) throws {
                    try FileManager.default.copyItem(atPath: "\(first.dataDirectory)/keys/\(name)", toPath: "\(keys)/\(name)")
                }

                #expect(try await refusedStart(in: other, environment: urls).hasPrefix("annals: the key file \(keys)/master.key is missing"))
                try copy("master.key")
                #expect(
                    try await refusedStart(in: other, environment: urls).hasPrefix("annals: the key file \(keys)/services/gateway.key is missing"))
                try Data(String(repeating: "5e", count: 32).utf8).write(to: URL(fileURLWithPath: "\(keys)/services/gateway.key"))
                chmod("\(keys)/services/gateway.key", 0o600)
                #expect(
                    try await refusedStart(in: other, environment: urls).hasPrefix(
                        "annals: the key in \(keys)/services/gateway.key is not the one that these databases know"))
                unlink("\(keys)/services/gateway.key")
                for name in ["gateway", "auth", "commands", "queries", "relay"] { try copy("services/\(name).key") }
                #expect(try await refusedStart(in: other, environment: urls).hasPrefix("annals: the key file \(keys)/cursors.key is missing"))
                try copy("cursors.key")
                #expect(try await refusedStart(in: other, environment: urls).hasPrefix("annals: the key file \(keys)/audit.key is missing"))

                // A system of its own has made an audit key of its own.
                try await withDataDirectory { third in
                    let stranger = try await RunningSystem(dataDirectory: third)
                    _ = await stranger.interrupt()
                    try FileManager.default.copyItem(atPath: "\(third)/keys/audit.key", toPath: "\(keys)/audit.key")
                }
                #expect(try await refusedStart(in: other, environment: urls).hasPrefix("annals: the key in \(keys)/audit.key is not the audit key"))
                unlink("\(keys)/audit.key")
                try copy("audit.key")
                let second = try await RunningSystem(dataDirectory: other, environment: urls)
                #expect(try await Client(base: second.api).signedUp("ben").token != nil)
                _ = await second.interrupt()
            }
        }
    }

    @Test func `that are lost for good are replaced when the operator says so`() async throws {
        try await withDataDirectory { directory in
            let first = try await RunningSystem(dataDirectory: directory)
            _ = try await Client(base: first.api).signedUp("ann")
            _ = await first.interrupt()
            let retired = try await Launch.run(["audit", "key", "--data-dir", directory]).output
            for name in ["services/auth.key", "services/queries.key", "cursors.key", "audit.key"] { unlink("\(directory)/keys/\(name)") }
            try Data(retired.utf8).write(to: URL(fileURLWithPath: "\(directory)/keys/audit.key.retired"))
            unlink("\(directory)/keys/audit.key.checkpoint")
            let second = try Launch(["up", "--port", "0", "--data-dir", directory, "--replace-service-key"])
            let line = await second.nextLine()
            #expect(line?.contains("ready") == true)
            second.process.interrupt()
            await second.process.waitForExit()
            // From then on these are the keys.
            let third = try await RunningSystem(dataDirectory: directory)
            _ = await third.interrupt()
        }
    }

    @Test func `open nothing in databases of another system`() async throws {
        try await withSystem { first, client in
            _ = try await client.signedUp("ann")
            let urls = try first.databaseURLs
            try await withDataDirectory { other in
                let stranger = try await RunningSystem(dataDirectory: other)
                _ = await stranger.interrupt()
                let line = try await refusedStart(in: other, environment: urls)
                #expect(line.hasPrefix("annals: the master key in \(other)/keys/master.key does not open what is in the vault"))
            }
        }
    }
}

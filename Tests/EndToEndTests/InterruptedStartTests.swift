import Foundation
import Glibc
import NIOHTTP1
import TestSupport
import Testing

/// A first start is killed as soon as a file is there, and repeated at once. The long form (ANNALS_LONG_TESTS=1) does it five times at each point.
@Suite(.serialized, .timeLimit(.minutes(longestTest))) struct `A first start that was interrupted` {
    private static let rounds = ProcessInfo.processInfo.environment["ANNALS_LONG_TESTS"] == "1" ? 5 : 1

    /// From initdb's first file to the last database's first table.
    private static let points = [
        "postgres/lock", "postgres/data.new/PG_VERSION", "postgres/data.new/base/1/PG_VERSION", "postgres/data.new/global/pg_control",
        "postgres/data/PG_VERSION", "postgres/data/server.log", "postgres/data/postmaster.pid", "postgres/socket/.s.PGSQL.5432",
        "database 1", "database 2", "database 4", "keys/master.key", "keys/services/commands.key", "keys/services.pub", "keys/cursors.key",
        "keys/audit.key",
    ]

    /// Whether the file is there, or so many databases beside the three of initdb.
    private static func isReached(_ point: String, in directory: String) -> Bool {
        guard point.hasPrefix("database "), let number = Int(point.dropFirst(9)) else { return access("\(directory)/\(point)", F_OK) == 0 }
        let databases = (try? FileManager.default.contentsOfDirectory(atPath: directory + "/postgres/data/base")) ?? []
        return databases.count >= 3 + number
    }

    @Test(arguments: ["postgres/data.new/PG_VERSION", "postgres/socket/.s.PGSQL.5432", "database 2"])
    func `leaves nothing running when it is stopped by Ctrl-C`(point: String) async throws {
        // A start that was ready before this test looked is not the one that this is about.
        try await eventually { try await interrupts(at: point) }
    }

    /// Whether the start was interrupted before it was ready.
    private func interrupts(at point: String) async throws -> Bool {
        var output = ""
        try await withDataDirectory { directory in
            let first = try Launch(["up", "--port", "0", "--data-dir", directory])
            try await eventually { Self.isReached(point, in: directory) || !first.process.isRunning }
            first.process.interrupt()
            output = await first.output()
            await first.process.waitForExit()
            if output.hasPrefix("Annals is ready at ") { return }
            #expect(output == "annals: stopped before it was ready\n")
            #expect(first.process.terminationStatus == 1)
            #expect(!FileManager.default.fileExists(atPath: "\(directory)/postgres/data/postmaster.pid"))
            let second = try await RunningSystem(dataDirectory: directory)
            #expect(await second.interrupt() == 0)
        }
        return !output.hasPrefix("Annals is ready at ")
    }

    @Test(arguments: points) func `works when it is repeated at once`(point: String) async throws {
        for _ in 0..<Self.rounds {
            try await withDataDirectory { directory in
                let first = try Launch(["up", "--port", "0", "--data-dir", directory])
                try await eventually { Self.isReached(point, in: directory) || !first.process.isRunning }
                #expect(first.process.isRunning, "\(point) never came")
                kill(first.process.processIdentifier, SIGKILL)
                // Not waited for: a shell that repeats a command does not, either.
                let second = try await RunningSystem(dataDirectory: directory)
                let ann = try await Client(base: second.api).signedUp("ann")
                #expect(try await ann.call(.POST, "/posts", json: #"{"title":"First","content":"x","publish":true}"#).status == 201)
                #expect(await second.interrupt() == 0)
                await first.process.waitForExit()
                #expect(!FileManager.default.fileExists(atPath: "\(directory)/postgres/data.new"))
            }
        }
    }
}

import Foundation
import Glibc
import Logging
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// One after the other: each runs a server of its own.
@Suite(.serialized, .timeLimit(.minutes(15))) struct `A private server with a folder of backups` {
    /// A name that a shell, PostgreSQL's settings and its placeholders would each read in their own way.
    private static let name = "it's 100%f odd"

    private func withArchiving(
        _ folder: String, server name: String = "pg", _ body: (PrivateServer, BackupFolder) async throws -> Void
    ) async throws {
        let backups = BackupFolder("\(folder)/\(Self.name)")
        let server = PrivateServer(directory: "\(folder)/\(name)", durability: .throwaway, backups: backups.path, logger: TestCluster.logger)
        do {
            try await server.start()
            try await body(server, backups)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func take(_ folder: String, _ backups: BackupFolder, server name: String = "pg") async throws -> BaseBackup {
        try await BaseBackup.take(
            of: "\(folder)/\(name)", into: backups, isArchiving: true, progress: { _, _ in },
            adding: { _ throws(BackupError) in })
    }

    /// Finishes the present segment of WAL, and returns its path when it is archived.
    private func archive(
        _ server: PrivateServer, _ folder: String, _ backups: BackupFolder, server name: String = "pg"
    ) async throws -> String {
        let segment = try await text(server, "SELECT pg_walfile_name(pg_switch_wal())")
        let archive = try String(contentsOfFile: "\(folder)/\(name)/archive", encoding: .utf8).trimmingCharacters(in: .newlines)
        let path = "\(backups.path)/\(archive)/\(segment)"
        try await eventually(every: .milliseconds(20)) {
            return FileManager.default.fileExists(atPath: path)
        }
        return path
    }

    private func text(_ server: PrivateServer, _ sql: String) async throws -> String {
        try await ConnectionPool.withPool(#require(server.target(database: "postgres")), limits: .patient, logger: TestCluster.logger) {
            try await $0.query(Statement("text", sql))[0].get(0)
        }
    }

    @Test func `archives in a folder of any name, and comes back from there with what came after the backup`() async throws {
        try await withFolder { folder in
            try await withArchiving(folder) { server, backups in
                try await server.execute("CREATE TABLE kept AS SELECT 1 AS number")
                let backup = try await take(folder, backups)
                try await server.execute("INSERT INTO kept VALUES (2)")
                _ = try await archive(server, folder, backups)

                let restoration = Restoration(of: backup, in: backups, into: "\(folder)/new", until: nil, lostWAL: nil)
                try await restoration.copy { _, _ in }
                try await restoration.recover(logger: TestCluster.logger)
                try await withServer("\(folder)/new") { restored in
                    try await #expect(restored.answer("SELECT sum(number)::int FROM kept") == 3)
                    try await #expect(text(restored, "SELECT current_setting('archive_mode')") == "off")
                }
                // It writes over nothing.
                await #expect(throws: BackupError.self) { try await restoration.copy { _, _ in } }
            }
        }
    }

    @Test func `takes WAL that was cut short for no end, and comes back to a moment before it`() async throws {
        try await withFolder { folder in
            try await withArchiving(folder) { server, backups in
                try await server.execute("CREATE TABLE kept AS SELECT 1 AS number")
                let backup = try await take(folder, backups)
                try await server.execute("INSERT INTO kept VALUES (2)")
                let moment = try await text(server, "SELECT clock_timestamp()::text")
                try await server.execute("INSERT INTO kept VALUES (4)")
                _ = try await archive(server, folder, backups)
                try await server.execute("INSERT INTO kept VALUES (8)")
                let damaged = try await archive(server, folder, backups)
                try #require(truncate(damaged, 1 << 20) == 0)

                let whole = Restoration(of: backup, in: backups, into: "\(folder)/new", until: nil, lostWAL: nil)
                let error = await #expect(throws: BackupError.self) { try await whole.copy { _, _ in } }
                let line = try #require(error).description
                #expect(line.contains("is incomplete (1048576 of 16777216 bytes)") && line.contains(String(damaged.suffix(24))), "\(line)")

                let before = Restoration(of: backup, in: backups, into: "\(folder)/before", until: moment, lostWAL: nil)
                try await before.copy { _, _ in }
                try await before.recover(logger: TestCluster.logger)
                try await withServer("\(folder)/before") { restored in
                    try await #expect(restored.answer("SELECT sum(number)::int FROM kept") == 3)
                }
            }
        }
    }

    @Test func `leaves the backups and the WAL of other systems alone, also of one that is gone for long`() async throws {
        try await withFolder { folder in
            var (left, segment) = ("", "")
            try await withArchiving(folder, server: "other") { server, backups in
                left = try await take(folder, backups, server: "other").name
                try await server.execute("CREATE TABLE kept ()")
                segment = try await archive(server, folder, backups, server: "other")
            }
            // As if it had archived nothing for long.
            let place = URL(fileURLWithPath: segment).deletingLastPathComponent()
            for name in try FileManager.default.contentsOfDirectory(atPath: place.path) {
                let date = [FileAttributeKey.modificationDate: Date.now.addingTimeInterval(-1200)]
                try FileManager.default.setAttributes(date, ofItemAtPath: place.appending(path: name).path)
            }
            try await withArchiving(folder) { _, backups in
                let first = try await take(folder, backups)
                let second = try await take(folder, backups)
                #expect(first.lineage == second.lineage)
                #expect(try backups.keep(1, areDumps: false, of: "\(folder)/pg") == [first.name])
                #expect(try backups.backups().map(\.name) == [left, second.name])
                #expect(try Set(backups.backups().map(\.lineage)).count == 2)
                #expect(FileManager.default.fileExists(atPath: segment))
            }
        }
    }

    @Test func `passes its mark on to a server that dumps of it are loaded into, so that one cleans up after it`() async throws {
        try await withFolder { folder in
            let backups = BackupFolder("\(folder)/\(Self.name)")
            func dump(_ name: String) async throws -> BaseBackup {
                try await BaseBackup.dump(
                    ["kept"], of: "\(folder)/\(name)", into: backups, progress: { _, _ in }, adding: { _ throws(BackupError) in })
            }
            let old = try await withServer("\(folder)/pg") { server in
                try await server.execute("CREATE DATABASE kept")
                return try await dump("pg")
            }
            try await old.load(into: "\(folder)/new", logger: TestCluster.logger) { _, _ in }
            let new = try await withServer("\(folder)/new") { _ in try await dump("new") }
            #expect(old.lineage != nil && new.lineage == old.lineage)
            #expect(try backups.keep(1, areDumps: true, of: "\(folder)/new") == [old.name])
        }
    }

    @Test func `keeps as many backups as are wanted, and the WAL that they need`() async throws {
        try await withFolder { folder in
            try await withArchiving(folder) { server, backups in
                var segments: [String] = []
                var names: [String] = []
                for number in 1...3 {
                    names.append(try await take(folder, backups).name)
                    try await server.execute("CREATE TABLE table\(number) ()")
                    segments.append(try await archive(server, folder, backups))
                }
                #expect(try backups.keep(2, areDumps: false, of: "\(folder)/pg") == [names[0]])
                #expect(try backups.backups().map(\.name) == Array(names.dropFirst()))
                #expect(segments.map { FileManager.default.fileExists(atPath: $0) } == [false, true, true])
                #expect(try backups.keep(2, areDumps: true, of: "\(folder)/pg") == [])
            }
        }
    }
}

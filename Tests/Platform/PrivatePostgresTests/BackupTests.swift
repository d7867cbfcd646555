import Foundation
import Logging
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// One after the other: each runs a server of its own.
@Suite(.serialized, .timeLimit(.minutes(15))) struct `A private server with a folder of backups` {
    /// A name that a shell, PostgreSQL's settings and its placeholders would each read in their own way.
    private static let name = "it's 100%f odd"

    private func withArchiving(_ folder: String, _ body: (PrivateServer, BackupFolder) async throws -> Void) async throws {
        let backups = BackupFolder("\(folder)/\(Self.name)")
        let server = PrivateServer(directory: "\(folder)/pg", durability: .throwaway, backups: backups.path, logger: TestCluster.logger)
        do {
            try await server.start()
            try await body(server, backups)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func take(_ folder: String, _ backups: BackupFolder) async throws -> BaseBackup {
        try await BaseBackup.take(of: "\(folder)/pg", into: backups, isArchiving: true, progress: { _, _ in }, adding: { _ throws(BackupError) in })
    }

    /// Finishes the present segment of WAL, and returns its path when it is archived.
    private func archive(_ server: PrivateServer, _ folder: String, _ backups: BackupFolder) async throws -> String {
        let segment = try await text(server, "SELECT pg_walfile_name(pg_switch_wal())")
        let archive = try String(contentsOfFile: "\(folder)/pg/archive", encoding: .utf8).trimmingCharacters(in: .newlines)
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

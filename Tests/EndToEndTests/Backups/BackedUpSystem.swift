import Foundation
import JSON
import Logging
import Postgres
import PrivatePostgres
import TestSupport
import Testing

/// A system with a folder of backups, and the folder where its secret keys are kept apart.
struct BackedUpSystem {
    let system: RunningSystem
    let root: String

    var backups: String { root + "/backups" }
    var safe: String { root + "/safe" }
    var data: String { root + "/data" }

    /// A running one for one test. Its end is the test's own affair: most kill it.
    static func with(_ body: (BackedUpSystem) async throws -> Void) async throws {
        try await withDataDirectory { root in
            try FileManager.default.createDirectory(
                atPath: root, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
            let system = try await RunningSystem(dataDirectory: root + "/data", environment: ["ANNALS_BACKUP_FOLDER": root + "/backups"])
            let backedUp = BackedUpSystem(system: system, root: root)
            try FileManager.default.createDirectory(
                atPath: backedUp.safe, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            do {
                try await body(backedUp)
            } catch {
                if system.isRunning { try? await system.killEverything() }
                throw error
            }
            if system.isRunning { try await system.killEverything() }
        }
    }

    /// `annals backup` with these further arguments. Returns the backup's folder.
    @discardableResult func backUp(_ arguments: String...) async throws -> String {
        let (code, output) = try await Launch.run(["backup", "--json", "--folder", backups, "--data-dir", data] + arguments)
        try #require(code == 0, "\(output)")
        let line = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") }, "\(output)")
        return try #require(try JSONValue.parse(Array(line.utf8))["backup"]?.text, "\(output)")
    }

    /// Copies the keys that no backup has, as an operator keeps them.
    func keepKeys() throws {
        for name in ["master.key", "audit.key", "audit.key.checkpoint"] {
            try? FileManager.default.removeItem(atPath: "\(safe)/\(name)")
            try FileManager.default.copyItem(atPath: "\(data)/keys/\(name)", toPath: "\(safe)/\(name)")
        }
    }

    /// Finishes the present segment of WAL, and returns when it is archived.
    func archiveAll() async throws {
        let segment = try await system.query("pg_walfile_name(pg_switch_wal())", in: "annals_log")
        try await eventually(every: .milliseconds(20)) {
            return FileManager.default.fileExists(atPath: try archive() + "/" + segment)
        }
    }

    /// The folder of archived WAL.
    func archive() throws -> String {
        let name = try String(contentsOfFile: data + "/postgres/archive", encoding: .utf8).trimmingCharacters(in: .newlines)
        return "\(backups)/\(name)"
    }

    /// `annals restore` into a folder beside the system's.
    func restore(into name: String, _ arguments: String...) async throws -> (code: Int32, output: String) {
        try await Launch.run(["restore", "--folder", backups, "--data-dir", "\(root)/\(name)", "--keys", safe] + arguments)
    }

    /// The streams of the log in a restored folder whose system does not run.
    func streams(in name: String) async throws -> Set<String> {
        let server = PrivateServer(directory: "\(root)/\(name)/postgres", logger: Logger(label: "tests"))
        try await server.start()
        let target = try #require(server.target(database: "annals_log"))
        let streams: Set<String>
        do {
            streams = try await ConnectionPool.withPool(target, limits: .patient, logger: Logger(label: "tests")) { pool in
                Set(try await pool.query(Statement("streams", "SELECT DISTINCT stream FROM log.events")).map { try $0.get(0, as: String.self) })
            }
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
        return streams
    }
}

import FoundationEssentials
import Glibc
package import Logging
import Postgres

extension BaseBackup {
    private static let rolesFile = "roles.sql"

    /// Dumps databases, one after the other, and the roles that own and use them: a newer PostgreSQL can read that, too.
    /// - Parameters:
    ///   - progress: told of databases done and in all.
    ///   - adding: puts more into the backup's folder.
    package static func dump(
        _ databases: [String], of directory: String, into folder: BackupFolder, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void,
        adding: @escaping @Sendable (_ path: String) throws(BackupError) -> Void
    ) async throws(BackupError) -> BaseBackup {
        let isAbandoned = Flag()
        let result = await withTaskCancellationHandler {
            await onOwnThread("dump") {
                Result { () throws(BackupError) in
                    let server = try RunningServer(directory)
                    return try folder.makeBackup({ isAbandoned.isSet }) { partial throws(BackupError) in
                        try run(server.command("pg_dumpall", ["--roles-only", "--no-role-passwords", "--file=\(partial)/\(rolesFile)"]), isAbandoned)
                        var bytes = 0
                        for (number, database) in databases.enumerated() {
                            progress(number, databases.count)
                            let file = "\(partial)/\(database).dump"
                            try run(server.command("pg_dump", ["--format=custom", "--file=\(file)", database]), isAbandoned)
                            bytes += (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
                        }
                        progress(databases.count, databases.count)
                        try adding(partial)
                        return Content(
                            version: server.version, lineage: try Lineage.settle(in: server.folder), bytes: bytes, dumps: databases)
                    }
                }
            }
        } onCancel: {
            isAbandoned.set()
        }
        return try result.get()
    }

    /// Loads the dumps into a new server of the newest version that is installed.
    /// - Parameter progress: told of databases done and in all.
    package func load(
        into directory: String, logger: Logger, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
    ) async throws(BackupError) {
        let server = PrivateServer(directory: directory, logger: logger)
        let isAbandoned = Flag()
        let result = await withTaskCancellationHandler {
            await onOwnThread("load") {
                Result { () throws(BackupError) in
                    do throws(PrivateServerError) {
                        try server.startBlocking { isAbandoned.isSet }
                    } catch { throw BackupError(error.description) }
                    let running = try RunningServer(directory)
                    if let lineage { try Lineage.record(lineage, in: running.folder.path, of: running.folder) }
                    try load(into: running, isAbandoned, progress)
                }
            }
        } onCancel: {
            isAbandoned.set()
        }
        await server.stop()
        try result.get()
    }

    private func load(into server: RunningServer, _ isAbandoned: Flag, _ progress: (Int, Int) -> Void) throws(BackupError) {
        // The new server has a superuser by this name already, which psql tells and goes on.
        try Self.run(server.command("psql", ["--quiet", "--no-psqlrc", "--file=\(path)/\(Self.rolesFile)", "postgres"]), isAbandoned)
        for (number, database) in dumps.enumerated() {
            progress(number, dumps.count)
            try Self.run(server.command("createdb", ["--template=template0", "--encoding=UTF8", database]), isAbandoned)
            try Self.run(server.command("pg_restore", ["--exit-on-error", "--dbname=\(database)", "\(path)/\(database).dump"]), isAbandoned)
        }
        progress(dumps.count, dumps.count)
    }

    private static func run(_ command: Command, _ isAbandoned: Flag) throws(BackupError) {
        var said = ""
        guard command.run(isAbandoned: { isAbandoned.isSet }, line: { if said.isEmpty { said = String($0) } }) else { throw BackupError(said) }
    }
}

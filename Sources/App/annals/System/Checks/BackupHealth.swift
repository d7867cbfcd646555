import EventSourcing
import Postgres
import PrivatePostgres

/// Whether the private PostgreSQL could be restored, and to how late a moment.
struct BackupHealth {
    private static let oldest: Int64 = 7 * 86_400_000

    let folder: BackupFolder?
    /// The folder of the server.
    let server: String
    let pool: ConnectionPool

    func findings() async throws -> [Finding] {
        guard let folder else {
            return [
                Finding(
                    "backup", server, .note, "no folder of backups is set", remedy: "set ANNALS_BACKUP_FOLDER, or back up as docs/back-up.md says")
            ]
        }
        return [try await archive(folder), newest(folder)]
    }

    private func archive(_ folder: BackupFolder) async throws -> Finding {
        guard let row = try await pool.query(.archiver).first, try row.get(0, as: Bool.self) else {
            return Finding(
                "backup", folder.path, .warning, "the running server archives no WAL", remedy: "start the system again with ANNALS_BACKUP_FOLDER")
        }
        if try row.get(1, as: Bool.self) {
            return Finding(
                "backup", folder.path, .broken, "WAL can't be archived, so the disk of the data folder fills",
                remedy: "the last lines of \(server)/data/server.log say why")
        }
        return Finding("backup", folder.path, .fine, "WAL is archived")
    }

    private func newest(_ folder: BackupFolder) -> Finding {
        let remedy = "run annals backup"
        do throws(BackupError) {
            guard let newest = try folder.backups(of: server).last else {
                return Finding("backup", folder.path, .warning, "there is no backup that the WAL of this server leads on from", remedy: remedy)
            }
            let isOld = Timestamp.now.milliseconds - newest.endedAt > Self.oldest
            return isOld
                ? Finding("backup", folder.path, .warning, "the newest backup, \(newest.name), is more than a week old", remedy: remedy)
                : Finding("backup", folder.path, .fine, "the newest backup is \(newest.name)")
        } catch {
            return Finding("backup", folder.path, error)
        }
    }
}

extension Statement {
    fileprivate static let archiver = Statement(
        "doctor_archiver",
        """
        SELECT current_setting('archive_mode') <> 'off', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
        FROM pg_stat_archiver
        """)
}

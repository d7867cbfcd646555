import ArgumentParser
import EventSourcing
import JSON
import Postgres
import PrivatePostgres

/// `annals backup`: a base backup of the private PostgreSQL, taken while everything runs.
struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Back up the private PostgreSQL while it runs.",
        discussion: """
            The backup has all four databases at one moment, and the keys that are no secret to whoever has the databases. It lacks master.key \
            and audit.key: keep copies of those elsewhere, since a backup beside its master key can be read. Where the system runs with \
            ANNALS_BACKUP_FOLDER, WAL leads on from the backup to any later moment.
            """)

    @OptionGroup var flags: SettingsFlags

    @Option(help: "The folder of backups. (ANNALS_BACKUP_FOLDER)")
    var folder: String?

    @Option(help: "Then delete all backups of this system but the newest so many, and the WAL that none of them needs.")
    var keep: Int?

    @Flag(help: "Dump the log, the identities and the vault instead, for a newer PostgreSQL or another place. No WAL leads on from dumps.")
    var dump = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        guard keep ?? 1 >= 1 else { throw ValidationError("--keep is 1 or more.") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let backups = try operation.settings.requireBackups(folder)
        guard operation.settings.databases == nil else {
            throw Failure("annals backup takes the private PostgreSQL; docs/back-up.md has the way for databases of your own")
        }
        let bar = ProgressBar(dump ? "dump" : "backup (MiB)")
        let backup = try await cancellingOnInterrupt { [dump] in
            do {
                return try await operation.backUp(into: backups, dump, bar)
            } catch let failure as Failure {
                throw failure
            } catch {
                bar.breakOff()
                throw Failure("\(error)")
            }
        }
        bar.finish()
        var deleted: [String] = []
        do throws(BackupError) {
            if let keep { deleted = try backups.keep(keep, areDumps: dump, of: operation.directory.postgres) }
        } catch {
            throw Failure("the backup \(backup.path) is whole, but older ones could not be deleted: \(error)")
        }
        tell(backup, deleted)
    }

    private func tell(_ backup: BaseBackup, _ deleted: [String]) {
        if json {
            let deleted = JSONObject.Member(name: "deleted", value: .array(deleted.map(JSONValue.string)))
            let path = JSONObject.Member(name: "backup", value: .string(backup.path))
            return printLine(JSONValue.object(JSONObject([path] + backup.record.list + [deleted])).serialized)
        }
        printLine("The backup \(backup.path) is whole.")
        if !backup.isDump, backup.archive == nil {
            printError(
                "annals: the server archives no WAL, so this backup leads to its own end only; with ANNALS_BACKUP_FOLDER it does"
            )
        }
        for name in deleted { printLine("Deleted the backup \(name).") }
    }
}

extension Settings {
    /// The folder of backups that a flag or the settings name.
    func requireBackups(_ folder: String?) throws -> BackupFolder {
        var settings = self
        if let folder { settings.backupFolder = folder }
        guard let backups = settings.backups else { throw Failure("name the folder of backups: --folder, or ANNALS_BACKUP_FOLDER", code: .wrongUse) }
        return backups
    }
}

extension Operation {
    /// Identities go first, then the log, then the vault: newer ones of the later do no harm to older ones of the earlier.
    private static let dumped = ["annals_identity", "annals_log", "annals_vault"]

    fileprivate func backUp(into backups: BackupFolder, _ isDump: Bool, _ bar: ProgressBar) async throws -> BaseBackup {
        let addKeys: @Sendable (String) throws(BackupError) -> Void = { path throws(BackupError) in
            try PlainKeys.copy(from: directory.path, to: path)
        }
        if isDump {
            return try await BaseBackup.dump(
                Self.dumped, of: directory.postgres, into: backups, progress: { bar.update(completed: $0, total: $1) }, adding: addKeys)
        }
        return try await BaseBackup.take(
            of: directory.postgres, into: backups, isArchiving: try await isArchiving(in: backups),
            progress: { bar.update(completed: $0 >> 10, total: $1 >> 10) }, adding: addKeys)
    }

    /// Whether the server archives its WAL in this folder. Throws a `Failure` when it tries and can't.
    fileprivate func isArchiving(in backups: BackupFolder) async throws -> Bool {
        try await withPool("log", databases.log) { pool in
            guard let row = try await pool.query(.archiving).first, try row.get(0) else { return false }
            guard backups.hasArchive(of: directory.postgres) else {
                throw Failure(
                    "the server archives its WAL in another folder than \(backups.path): name that one, or start the system again with this one")
            }
            if try row.get(1) {
                throw Failure(
                    "the server can't archive its WAL in \(backups.path); the last lines of \(directory.postgres)/data/server.log say why")
            }
            return true
        }
    }
}

extension Statement {
    fileprivate static let archiving = Statement(
        "archiving",
        """
        SELECT current_setting('archive_mode') <> 'off', coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
        FROM pg_stat_archiver
        """)
}

import ArgumentParser
import EventSourcing
import FoundationEssentials
import Glibc
import JSON
import Logging
import Postgres
import PrivatePostgres

/// `annals restore`: a new data folder from a backup of the private PostgreSQL.
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a new data folder from a backup, and prove it.",
        discussion: """
            It checks every file of the backup, brings the databases to the end of the archived WAL or to a moment, and runs audit verify and \
            projections verify. The data folder must not be there, or be empty. Keys that do not open the backup leave none. Exit code 3 if a proof \
            finds a difference; the folder is there then.
            """)

    @OptionGroup var flags: SettingsFlags

    @Option(help: "The folder of backups. (ANNALS_BACKUP_FOLDER)")
    var folder: String?

    @Option(help: "The backup's name, such as 20260301T100000.123Z. (the newest that leads there, where all are of one system)")
    var backup: String?

    @Option(help: "The moment to restore, such as 2026-03-01T10:00:00Z. (the end of the WAL)")
    var to: Timestamp?

    @Option(help: "The folder where master.key, audit.key and audit.key.checkpoint are kept.")
    var keys: String?

    @Option(help: "The lost system's data folder, if its files can be read: what was not archived yet is taken from there.")
    var lost: String?

    @Flag(help: "Take the newest dumps instead of the newest base backup: into the newest PostgreSQL that is installed.")
    var dump = false

    @Flag(help: "Print the results as JSON, one object a line.")
    var json = false

    func validate() throws {
        if dump, to != nil || lost != nil || backup != nil { throw ValidationError("--dump goes with none of --backup, --to and --lost.") }
    }

    func run() async throws {
        var settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        guard settings.databases == nil else {
            throw Failure("annals restore makes a private PostgreSQL; docs/back-up.md has the way for databases of your own")
        }
        try requirePrivateServer()
        let backups = try settings.requireBackups(folder)
        let secrets = SecretKeys(folder: keys)
        try secrets.require(settings) { try $0.requirePrivacy(logger) }
        let target = try NewFolder(settings.dataDirectory)
        let chosen = try choose(from: backups)
        try await cancellingOnInterrupt { [settings] in try await restore(chosen, in: backups, to: target, secrets, settings, logger) }
        settings.dataDirectory = target.path
        // Read models are made from the log at the first start after dumps.
        let head = try await Proof(
            settings: settings, directory: DataDirectory(path: target.path), logger: logger, hasReadModels: !chosen.isDump, json: json
        ).run()
        if json {
            printLine(
                JSONValue.object([
                    "backup": .string(chosen.path), "dataDir": .string(target.path), "position": .integer(head.position),
                    "recordedAt": head.recordedAt.map { .string("\($0)") } ?? .null, "proven": .bool(head.isProven),
                ]).serialized)
        } else {
            let end = head.recordedAt.map { "the log ends with event \(head.position) of \($0)" } ?? "the log is empty"
            printLine("Restored \(chosen.name) into \(target.path): \(end).")
        }
        guard head.isProven else {
            throw Failure("the restored system is there, but differs from what was signed or folded: see the lines above", code: .difference)
        }
        printError("Start it with: \(CommandName.of("up")) --data-dir \(target.path)")
    }

    private func choose(from folder: BackupFolder) throws -> BaseBackup {
        let (all, interrupted): ([BaseBackup], [String])
        do throws(BackupError) { (all, interrupted) = (try folder.backups(), try folder.interrupted()) } catch { throw Failure("\(error)") }
        if let backup {
            guard let chosen = all.first(where: { $0.name == backup }) else {
                let isThere = [backup, backup + ".partial"].contains { access("\(folder.path)/\($0)", F_OK) == 0 }
                throw isThere
                    ? Failure("the backup \(backup) is incomplete: it was interrupted")
                    : Failure("there is no backup \(backup)\(Suggestion.text(for: backup, among: all.map(\.name)))")
            }
            guard ofLost(chosen) else { throw Failure("\(lost ?? "") is not the system that the backup \(backup) is of") }
            if chosen.isDump, to != nil || lost != nil { throw Failure("\(backup) holds dumps, which lead to no other moment than their own") }
            return chosen
        }
        let leading = all.filter { $0.isDump == dump && (to == nil || $0.archive != nil || lost != nil) && ofLost($0) }
        guard let newest = leading.last, let first = leading.first else {
            throw Failure(
                "there \(dump ? "are no dumps" : "is no whole backup") in \(folder.path)"
                    + (interrupted.isEmpty ? "" : "; \(interrupted.joined(separator: ", ")) was interrupted and is incomplete"))
        }
        let systems = Set(leading.map(\.lineage))
        guard systems.count == 1 else {
            let newest = systems.compactMap { system in leading.last { $0.lineage == system }?.name }.sorted().joined(separator: ", ")
            throw Failure(
                "\(folder.path) has backups of \(systems.count) systems: name the one that you want by --backup\(dump ? " in place of --dump" : ""); "
                    + "the newest of each are \(newest)",
                code: .wrongUse)
        }
        guard let to else { return newest }
        guard let chosen = leading.last(where: { $0.endedAt <= to.milliseconds }) else {
            throw Failure("no backup leads to \(to): the first one ends at \(Timestamp(milliseconds: first.endedAt))")
        }
        return chosen
    }

    /// Whether the lost server's WAL leads on from a backup.
    private func ofLost(_ backup: BaseBackup) -> Bool { lost.map { backup.isOf(server: $0 + "/postgres") } ?? true }

    /// Makes the new folder beside its place, and puts it there when the databases have come to the moment.
    private func restore(
        _ chosen: BaseBackup, in backups: BackupFolder, to target: NewFolder, _ secrets: SecretKeys, _ settings: Settings, _ logger: Logger
    ) async throws {
        let bar = ProgressBar(chosen.isDump ? "restore" : "restore (MiB)")
        do {
            try target.make()
            try PlainKeys.copy(from: chosen.path, to: target.unfinished)
            try secrets.copy(to: target.unfinished)
            let server = target.unfinished + "/postgres"
            if chosen.isDump {
                try await chosen.load(into: server, logger: logger) { done, total in bar.update(completed: done, total: total) }
                bar.finish()
            } else {
                // Abbreviations of time zones, Z among them, are not known to a server while it reads this.
                let lostWAL = lost.map { $0 + "/postgres/data/pg_wal" }
                let restoration = Restoration(of: chosen, in: backups, into: server, until: to.map { "\($0)".dropLast() + "+00" }, lostWAL: lostWAL)
                try await restoration.copy { done, total in bar.update(completed: done >> 20, total: total >> 20) }
                bar.finish()
                printError("Replaying WAL…")
                try await restoration.recover(logger: logger)
            }
            try Task.checkCancellation()
            try await requireKeys(Proof(settings: settings, directory: DataDirectory(path: target.unfinished), logger: logger))
            try target.finish()
        } catch {
            bar.breakOff()
            target.remove()
            throw Failure(explanation(of: error))
        }
    }

    /// Before the folder has its name: with the right keys the same command can be given again.
    private func requireKeys(_ proof: Proof) async throws {
        do {
            try await proof.requireKeys()
        } catch let failure as Failure {
            // The operator knows the keys by the folder that they were copied from.
            let message = keys.map { failure.message.replacing(proof.directory.path + "/keys", with: $0) } ?? failure.message
            throw Failure("\(message); nothing is restored")
        }
    }

    private func explanation(of error: any Error) -> String {
        guard case .failedToStart(let tail)? = error as? PrivateServerError else {
            return error is CancellationError ? "interrupted; nothing is restored" : (error as? Failure)?.message ?? "\(error)"
        }
        guard let to, tail.contains("recovery ended before configured recovery target was reached") else {
            return "the WAL can't be replayed, and nothing is restored: \(error)"
        }
        let last = tail.split(separator: "\n").last { $0.contains("last completed transaction was at log time") }?.split(separator: " ").suffix(2)
        return "the backup and its WAL end before \(to), and nothing is restored; "
            + "their last change is of \(last?.joined(separator: " ") ?? "the backup itself"). Without --to they are restored to their end"
    }
}

import ArgumentParser
import Audit
import AuthService
import Glibc
import Logging
import Postgres
import Vault

/// `annals keys rotate-master`: a new master key, while the system is stopped.
struct KeysRotateMaster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-master", abstract: "Make a new master key, and wrap all other keys with it. The system must be stopped.",
        discussion: """
            Nothing is sealed anew, and nobody is signed out. The key before stays beside the new one as master.key.before: backups made until now \
            open with that one alone. If it is interrupted, run it again before the system is started.
            """)

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        let directory = try DataDirectory.existing(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)
        let files = KeyFiles(settings: settings, directory: directory, logger: logger)
        guard let file = files.masterKeyFile else {
            throw Failure("the master key is set by ANNALS_MASTER_KEY, and a new one needs a file: set ANNALS_MASTER_KEY_FILE instead")
        }
        let rotation = Rotation(file: file, logger: logger)
        if let urls = settings.databases {
            try await rotation.run(on: try Databases(urls))
        } else {
            try await withPrivateDatabases(directory, archivingIn: settings.backups, logger: logger) { try await rotation.run(on: $0) }
        }
    }
}

private struct Rotation: Sendable {
    let file: KeyFile
    let logger: Logger

    private var next: KeyFile { KeyFile(path: file.path + ".next") }

    func run(on databases: Databases) async throws {
        for (name, target) in [("vault", databases.vault), ("identity", databases.identity)] { try await requireNobody(name, target, databases) }
        let oldText = try file.read(logger)
        // The new key is on the disk before anything is wrapped by it, and is the one that an interrupted rotation goes on with.
        if next.isMissing { try next.create() }
        let newText = try next.read(logger)
        guard let old = MasterKey(hexadecimal: oldText), let new = MasterKey(hexadecimal: newText) else {
            throw Failure("the master key is not 64 hexadecimal digits")
        }
        if oldText == newText {
            // Only the last step was missing.
            try removeNext()
            return printLine("The master key in \(file.path) is new; the one before is in \(file.path).before.")
        }
        let keys = MasterKeyRotation(from: old, to: new)
        let bar = ProgressBar("keys")
        let damaged: Int
        do {
            // Nothing is changed when one of these opens with neither key: no key would start the system then.
            try await databases.withPool("identity", databases.identity, logger: logger) { pool in
                try await SigningKeys(identity: pool, wrapping: KeyWrapping(new)).openAll { _ = try keys.rewrapped($0, for: "signing-key") }
            }
            damaged = try await databases.withPool("vault", databases.vault, logger: logger) { pool in
                try await keys.run(on: pool) { bar.update(completed: $0, total: $1) }
            }
            try await databases.withPool("identity", databases.identity, logger: logger) { pool in
                try await SigningKeys(identity: pool, wrapping: KeyWrapping(new)).rewrapAll { try keys.rewrapped($0, for: "signing-key") }
            }
            bar.finish()
            try keepEarlier(oldText)
            try AtomicFile(file.path + ".before").replace(oldText)
            try AtomicFile(file.path).replace(newText)
        } catch VaultError.unusableMasterKey {
            bar.breakOff()
            throw Failure("the master key in \(file.path) does not open what is in these databases: put the right one back")
        } catch let error as AuditFileError {
            throw Failure("all keys are wrapped by the key in \(next.path), which could not take its place: \(error)")
        }
        try removeNext()
        printLine("The master key in \(file.path) is new; the one before is in \(file.path).before.")
        if damaged > 0 { printError("annals: \(damaged) keys of persons opened with neither key: they were damaged before, and stay so") }
    }

    /// The key of an earlier rotation opens the backups of its time: it gives way under a name of its own.
    private func keepEarlier(_ oldText: String) throws {
        let before = KeyFile(path: file.path + ".before")
        if before.isMissing { return }
        guard try before.read(logger) != oldText else { return }
        let place = before.path + "." + String(time(nil))
        guard rename(before.path, place) == 0 else {
            throw Failure("\(before.path) can't become \(place): \(String(cString: strerror(errno)))")
        }
    }

    private func removeNext() throws {
        guard unlink(next.path) == 0 else { throw Failure("\(next.path) can't be removed: \(String(cString: strerror(errno)))") }
    }

    private func requireNobody(_ name: String, _ target: ConnectionTarget, _ databases: Databases) async throws {
        let users = try await databases.withPool(name, target, logger: logger) { pool in
            try await pool.query(.usersOfDatabase).map { row in try row.get(0, as: String.self) }
        }
        guard users.isEmpty else {
            throw Failure("the \(name) database is in use by \(users.joined(separator: ", ")): stop the system first")
        }
    }
}

extension Statement {
    fileprivate static let usersOfDatabase = Statement(
        "users_of_database",
        """
        SELECT DISTINCT application_name FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'annals\\_%' AND pid <> pg_backend_pid() ORDER BY 1
        """)
}

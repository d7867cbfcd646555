import EventLog
import Logging
import Postgres
import PrivatePostgres
import Vault

/// An operator's command on a running or reachable system: its settings, databases and keys.
struct Operation: Sendable {
    let settings: Settings
    let installation: Installation
    let databases: Databases
    let directory: DataDirectory
    let logger: Logger

    /// Reads the settings and finds the databases: those of the settings, or the private server of the data folder, which `annals up` runs.
    /// - Parameter needsKeys: whether the command opens keys. Without, databases of one's own need no data folder.
    static func begin(_ flags: SettingsFlags, needsKeys: Bool = true) async throws -> Operation {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        var directory = DataDirectory(path: settings.dataDirectory)
        if needsKeys || settings.databases == nil {
            directory = try DataDirectory.existing(settings.dataDirectory)
            try directory.requirePrivateKeys(logger)
        }
        let databases: Databases
        if let urls = settings.databases {
            databases = try Databases(urls)
        } else {
            guard let location = PrivateServer.locate(directory: directory.postgres) else {
                let directory = settings.dataDirectory
                throw Failure("no system is running on \(directory); start it with: \(CommandName.of("up")) --data-dir \(directory)")
            }
            databases = Databases { location.target(database: $0) }
        }
        return Operation(settings: settings, installation: try Installation.locate(), databases: databases, directory: directory, logger: logger)
    }
}

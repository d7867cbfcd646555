import ArgumentParser
import Logging
import Postgres

/// `annals up`: everything in one process.
struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything in one process.",
        discussion: "Without database URLs in the settings it makes and runs its own PostgreSQL in the data folder.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Make new keys in place of service keys that are lost, or of the key of list cursors.")
    var replaceServiceKey = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        let installation = try Installation.locate(settings)
        try refuseTakenPort(settings)
        let directory = try DataDirectory.open(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)
        let isReplacing = replaceServiceKey
        let stop = StopSignals()

        @Sendable func serve(_ databases: Databases) async throws {
            try await databases.prepare(installation, statementTimeout: settings.pools.statementTimeout, logger: logger)
            let keys = KeyFiles(settings: settings, directory: directory, logger: logger)
            try await InstallationKeys(files: keys, databases: databases, isReplacing: isReplacing).settle()
            try await AnnalsSystem(
                settings: settings, installation: installation, keys: keys, databases: databases, stop: stop, logger: logger
            ).run()
        }
        try await stop.watch {
            if let urls = settings.databases {
                try await serve(Databases(urls))
            } else {
                try await withPrivateDatabases(directory, logger: logger, serve)
            }
        }
    }
}

func makeLogger(_ settings: Settings) -> Logger {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var logger = Logger(label: "annals")
    logger.logLevel = settings.logLevel
    settings.complaints.forEach { logger.warning("\($0)") }
    return logger
}

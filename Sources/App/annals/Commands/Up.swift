import ArgumentParser
import Logging
import Postgres

/// `annals up`: everything in one process.
struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything in one process.",
        discussion: "Without database URLs in the settings it makes and runs its own PostgreSQL in the data folder.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Make a new service key in place of one that is lost.")
    var replaceServiceKey = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        let installation = try Installation.locate()
        try refuseTakenPort(settings)
        let directory = try DataDirectory.open(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)
        let isReplacingServiceKey = replaceServiceKey
        let stop = StopSignals()

        @Sendable func serve(_ databases: Databases) async throws {
            try await databases.prepare(installation, logger: logger)
            let keys = try await InstallationKeys(
                settings: settings, directory: directory, databases: databases, isReplacingServiceKey: isReplacingServiceKey, logger: logger
            ).settle()
            try await AnnalsSystem(
                settings: settings, installation: installation, directory: directory, secrets: keys.secrets, auditSigner: keys.audit,
                databases: databases, stop: stop, logger: logger
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
    return logger
}

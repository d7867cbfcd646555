import ArgumentParser
import Logging
import Postgres

/// `annals up`: everything in one process.
struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything in one process.",
        discussion: "Without database URLs in the environment it makes and runs a PostgreSQL of its own in the data directory.")

    @OptionGroup var flags: SettingsFlags

    func run() async throws {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings)
        let installation = try Installation.locate()
        try refuseTakenPort(settings)
        let directory = try DataDirectory.open(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)

        @Sendable func serve(_ databases: Databases) async throws {
            try await databases.migrate(installation, logger: logger)
            let secrets = try await Secrets.load(settings, from: directory, for: databases, logger: logger)
            try await AnnalsSystem(
                settings: settings, installation: installation, directory: directory, secrets: secrets, databases: databases, logger: logger
            ).run()
        }
        if let urls = settings.databases {
            try await serve(Databases(urls))
        } else {
            try await withPrivateDatabases(directory, logger: logger, serve)
        }
    }
}

func makeLogger(_ settings: Settings) -> Logger {
    LoggingSystem.bootstrap(StreamLogHandler.standardError)
    var logger = Logger(label: "annals")
    logger.logLevel = settings.logLevel
    return logger
}

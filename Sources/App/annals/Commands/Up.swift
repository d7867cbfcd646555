import ArgumentParser
import HTTPContract
import Logging
import Postgres
import Telemetry

/// `annals up`: the whole system.
struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run everything, in one process or in one for each service.",
        discussion: "Without database URLs in the settings it makes and runs its own PostgreSQL in the data folder.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Run each service as a process of its own, and start it again whenever it ends.")
    var apart = false

    @Flag(help: "Make new keys in place of service keys that are lost, or of the key of list cursors.")
    var replaceServiceKey = false

    func run() async throws {
        let settings = try await Settings.read(flags)
        let logger = makeLogger(settings, serving: "annals")
        // Where nobody reads metrics, none are recorded.
        if settings.metricsPort != nil { Metrics.begin() }
        let installation = try Installation.locate(settings)
        if settings.databases == nil { try requirePrivateServer() }
        let given = try settings.databases.map(Databases.init)
        if apart, given != nil {
            throw Failure("--apart runs beside the private PostgreSQL; with databases of your own, run each service by: \(CommandName.of("serve"))")
        }
        if !apart { try refuseTakenPort(settings.host, settings.port) }
        let directory = try DataDirectory.open(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)
        let keys = KeyFiles(settings: settings, directory: directory, logger: logger)
        let stop = StopSignals()

        @Sendable func prepare(_ databases: Databases) async throws {
            try await databases.prepare(
                installation, statementTimeout: settings.pools.statementTimeout, mayLack: settings.databasesMayLack, logger: logger)
            try await InstallationKeys(files: keys, databases: databases, isReplacing: replaceServiceKey).settle()
        }
        try await stop.watch {
            if apart {
                let apart = try await ServicesApart(settings, directory: directory, stop: stop, logger: logger)
                return try await withPrivateDatabases(directory, archivingIn: settings.backups, logger: logger) { databases in
                    try await prepare(databases)
                    try await apart.run()
                }
            }
            @Sendable func run(_ databases: Databases) async throws {
                try await prepare(databases)
                try await ServiceProcess(
                    components: Set(Component.allCases), isServing: false, settings: settings, installation: installation, keys: keys,
                    databases: ServiceDatabases(databases), stop: stop, logger: logger
                ).run()
            }
            if let given {
                try await run(given)
            } else {
                try await withPrivateDatabases(directory, archivingIn: settings.backups, logger: logger, run)
            }
        }
    }
}

/// The program's log as the settings want it, with their complaints as its first lines.
/// - Parameter service: what runs, for a process that serves; nil for a command of the operator, who reads text.
func makeLogger(_ settings: Settings, serving service: String? = nil) -> Logger {
    let isJSON =
        switch settings.logFormat {
        case .auto: service != nil && !StandardError.isTerminal
        case .json: true
        case .text: false
        }
    let form = LineLogHandler.Form(isJSON: isJSON, hasColors: StandardError.allowsColor, service: service ?? "annals")
    LoggingSystem.bootstrap { _ in LineLogHandler(form) }
    AccessLog.limit(to: settings.accessLogRate ?? 0)
    var logger = Logger(label: "annals")
    logger.logLevel = settings.logLevel
    settings.complaints.forEach { logger.warning("\($0)") }
    return logger
}

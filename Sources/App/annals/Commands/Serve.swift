import ArgumentParser
import Logging

/// `annals serve`: some services in one process, beside others.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the named services in one process.",
        discussion: """
            Each reaches the others at the addresses of the settings, and needs only its own databases and keys. It makes none: migrate makes the \
            databases, and keys init the keys.
            """)

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "What to run: gateway, auth, commands, queries, projector, relay.")
    var components: [Component]

    @Flag(help: .hidden)
    var supervised = false

    func run() async throws {
        var settings = try await Settings.read(flags, for: components)
        let logger = makeLogger(settings, serving: Traces.serviceName(of: components))
        // Where nobody reads metrics, none are recorded.
        if settings.metricsPort != nil { Metrics.begin() }
        if supervised {
            endWithSupervisor(drainTimeout: settings.drainTimeout)
            // Its callers are stopped before it.
            settings.drain = .zero
        }
        let directory = try DataDirectory.existing(settings.dataDirectory)
        try directory.requirePrivateKeys(logger)
        let databases = try ServiceDatabases(settings.databases ?? DatabaseURLs())
        let process = ServiceProcess(
            components: Set(components), isServing: true, settings: settings, installation: try Installation.locate(settings),
            keys: KeyFiles(settings: settings, directory: directory, logger: logger), databases: databases, stop: StopSignals(), logger: logger)
        try await process.stop.watch { try await process.run() }
    }
}

import FoundationEssentials
import Logging
import Postgres
import PrivatePostgres
import ServiceLifecycle

/// `annals up --apart`: every service a process of its own, beside the private PostgreSQL that this process runs.
struct ServicesApart {
    private let settings: Settings
    private let directory: DataDirectory
    private let stop: StopSignals
    private let logger: Logger

    /// Takes free ports where the settings ask for any. Throws a `Failure` when one that they name is taken.
    init(_ settings: Settings, directory: DataDirectory, stop: StopSignals, logger: Logger) async throws {
        var settings = settings
        try settings.requirePortsThatDiffer()
        // Said here once, and not by a gateway that is started again and again.
        _ = try settings.certificates(logger)
        var taken = Set(ServiceSettings.listening.map { [settings] in settings.services[port: $0] } + [settings.port])
        func unusedPort(_ host: String) throws -> Int {
            while true {
                let port = try freePort(host)
                if taken.insert(port).inserted { return port }
            }
        }
        if settings.port == 0 { settings.port = try unusedPort(settings.host) } else { try await Self.require(settings.host, settings.port) }
        for component in ServiceSettings.listening {
            let host = settings.services.host
            if settings.services[port: component] == 0 {
                settings.services[port: component] = try unusedPort(host)
            } else {
                try await Self.require(host, settings.services[port: component])
            }
        }
        self.settings = settings
        self.directory = directory
        self.stop = stop
        self.logger = logger
    }

    /// Runs until told to stop. Databases and keys are there.
    func run() async throws {
        guard let location = PrivateServer.locate(directory: directory.postgres) else { throw Failure("the private PostgreSQL is gone") }
        let logins = try await ConnectionPool.withPool(location.target(database: "postgres"), logger: logger) {
            try await ServiceLogins(at: location, $0)
        }
        let environment = ChildEnvironment(settings: settings, environment: ProcessInfo.processInfo.environment, dataDirectory: directory.path)
        let environments = Dictionary(
            uniqueKeysWithValues: Component.allCases.map { ($0, environment.variables(for: $0, login: logins.settings(for: $0))) })
        let supervisor = Supervisor(environments, drainTimeout: settings.drainTimeout, logger: logger) { [settings] in
            printLine("Annals is ready at \(settings.address(port: settings.port)) (data in \(settings.dataDirectory))")
        }
        let group = ServiceGroupConfiguration(services: [supervisor], logger: logger)
        try await stop.run(ServiceGroup(configuration: group))
    }

    /// Services of a supervisor that was killed end by themselves, which takes them a moment.
    private static func require(_ host: String, _ port: Int) async throws {
        for _ in 0..<40 {
            do { return try refuseTakenPort(host, port) } catch { try await Task.sleep(for: .milliseconds(100)) }
        }
        try refuseTakenPort(host, port)
    }
}

extension Settings {
    /// Throws a `Failure` for a port that two services are given.
    fileprivate func requirePortsThatDiffer() throws {
        var names: [Int: String] = [:]
        for component in [.gateway] + ServiceSettings.listening {
            let name = component == .gateway ? "ANNALS_PORT" : "ANNALS_\(component.rawValue.uppercased())_PORT"
            let port = component == .gateway ? port : services[port: component]
            guard port != 0, let other = names.updateValue(name, forKey: port) else { continue }
            throw Failure("\(other) and \(name) are both \(port): each service needs a port of its own", code: .wrongUse)
        }
    }
}

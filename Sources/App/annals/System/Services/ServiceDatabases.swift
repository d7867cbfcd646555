import Postgres

/// The databases that a process may reach: all four, or those whose URLs it was given. Each service takes its own from it, under its own role.
///
/// The user of a URL is the service's role itself, or one that may become it.
struct ServiceDatabases: Sendable {
    fileprivate let log, read, identity, vault, logDirect, readDirect: ConnectionTarget?

    /// All four.
    init(_ databases: Databases) {
        log = databases.log
        read = databases.read
        identity = databases.identity
        vault = databases.vault
        logDirect = databases.logDirect
        readDirect = databases.readDirect
    }

    /// Those that the settings name.
    init(_ urls: DatabaseURLs) throws {
        log = try urls.log.map { try urls.target($0, "LOG") }
        read = try urls.read.map { try urls.target($0, "READ") }
        identity = try urls.identity.map { try urls.target($0, "IDENTITY") }
        vault = try urls.vault.map { try urls.target($0, "VAULT") }
        logDirect = try urls.direct(urls.logDirect, "LOG_DIRECT", besides: log)
        readDirect = try urls.direct(urls.readDirect, "READ_DIRECT", besides: read)
    }

    /// Throws a `Failure` that names the setting.
    fileprivate static func required(_ target: ConnectionTarget?, _ name: String, for component: Component) throws -> ConnectionTarget {
        guard let target else { throw Failure("ANNALS_\(name)_URL must be set: the \(component.rawValue) service needs that database") }
        return target.acting(as: "annals_\(component.rawValue)")
    }
}

extension CommandsComponent.Databases {
    init(_ databases: ServiceDatabases) throws {
        log = try ServiceDatabases.required(databases.log, "LOG", for: .commands)
        vault = try ServiceDatabases.required(databases.vault, "VAULT", for: .commands)
        logDirect = databases.logDirect?.acting(as: log.applicationName)
    }
}

extension QueriesComponent.Databases {
    init(_ databases: ServiceDatabases) throws {
        read = try ServiceDatabases.required(databases.read, "READ", for: .queries)
        readDirect = try ServiceDatabases.required(databases.readDirect, "READ_DIRECT", for: .queries)
    }
}

extension AuthComponent.Databases {
    init(_ databases: ServiceDatabases) throws {
        log = try ServiceDatabases.required(databases.log, "LOG", for: .auth)
        identity = try ServiceDatabases.required(databases.identity, "IDENTITY", for: .auth)
        vault = try ServiceDatabases.required(databases.vault, "VAULT", for: .auth)
        logDirect = databases.logDirect?.acting(as: log.applicationName)
    }
}

extension RelayComponent.Databases {
    init(_ databases: ServiceDatabases) throws {
        log = try ServiceDatabases.required(databases.log, "LOG", for: .relay)
        vault = try ServiceDatabases.required(databases.vault, "VAULT", for: .relay)
        logDirect = databases.logDirect?.acting(as: log.applicationName)
    }
}

extension ProjectorComponent.Databases {
    init(_ databases: ServiceDatabases) throws {
        log = try ServiceDatabases.required(databases.log, "LOG", for: .projector)
        vault = try ServiceDatabases.required(databases.vault, "VAULT", for: .projector)
        readDirect = try ServiceDatabases.required(
            databases.readDirect ?? databases.read, databases.read == nil ? "READ" : "READ_DIRECT", for: .projector)
        logDirect = databases.logDirect?.acting(as: log.applicationName)
    }
}

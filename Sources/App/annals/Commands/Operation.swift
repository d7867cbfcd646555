import EventLog
import EventSourcing
import Logging
import Postgres
import PrivatePostgres
import Publishing
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
        return Operation(
            settings: settings, installation: try Installation.locate(settings), databases: databases, directory: directory, logger: logger)
    }

    /// The installation's keys.
    var keys: KeyFiles { KeyFiles(settings: settings, directory: directory, logger: logger) }

    /// Lends connections to one of the databases: see `Databases.withPool`.
    func withPool<Value: Sendable>(
        _ name: String, _ target: ConnectionTarget, _ body: (ConnectionPool) async throws -> Value
    ) async throws -> Value {
        try await databases.withPool(name, target, logger: logger, body)
    }
}

extension Operation {
    /// The log with the rights of a projector: all of it and the keys that open it, but no right to append. With `isWoken`, `body` may wait for
    /// events.
    func withLog<Value: Sendable>(
        _ form: EventForm = .opened, isWoken: Bool = false, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Value
    ) async throws -> Value {
        switch form {
        case .stored: return try await withLog(form, vault: nil, isWoken: isWoken, body)
        case .opened:
            let masterKey = try keys.masterKey()
            return try await withPool("vault", databases.vault.acting(as: "annals_projector")) { pool in
                try await withLog(form, vault: KeyVault(pool, masterKey: masterKey), isWoken: isWoken, body)
            }
        }
    }

    /// The same for a command that shows events: trouble with the log becomes one line.
    func readLog(_ form: EventForm, isWoken: Bool = false, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Void) async throws {
        do {
            try await withLog(form, isWoken: isWoken, body)
        } catch let error as EventStoreError {
            throw Failure(error.line)
        } catch let error as VaultError {
            throw Failure("\(error)")
        } catch let unknown as UnknownEvent {
            throw Failure(
                "this program does not know \(unknown.type) in version \(unknown.version): a newer one wrote it; --sealed shows it as it is stored")
        }
    }

    private func withLog<Value: Sendable>(
        _ form: EventForm, vault: KeyVault?, isWoken: Bool, _ body: @Sendable @escaping (PostgresEventStore) async throws -> Value
    ) async throws -> Value {
        try await withPool("log", databases.log.acting(as: "annals_projector")) { pool in
            let head = HeadWatch(pool, direct: databases.logDirect?.acting(as: "annals_projector"), logger: logger)
            let log = PostgresEventStore(pool, head: head, vault: vault, hasher: nil, catalog: .annals, form: form, logger: logger)
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                if isWoken {
                    group.addTask {
                        try await head.run()
                        return nil
                    }
                }
                group.addTask { try await body(log) }
                defer { group.cancelAll() }
                // If the watch can't go on, the command ends too.
                guard let value = try await group.next() ?? nil else { throw CancellationError() }
                return value
            }
        }
    }
}

extension EventStoreError {
    var line: String {
        switch self {
        case .unavailable(let reason): "the log can't be read: \(reason)"
        case .refused(let statement, let reason): "a database refuses \(statement): \(reason)"
        case .outcomeUnknown: "it is unknown whether the log has taken the append"
        case .subjectUnknown(let subject): "the key of \(subject.lowercased) was destroyed"
        case .keyUnusable(let subject): "the key of \(subject.lowercased) is missing in the vault or damaged"
        case .rewritten(let position): "the log no longer holds event \(position): it was restored to an older state, or is another log"
        case .broken(let reason): "the log is broken: \(reason)"
        }
    }
}

extension Operation {
    /// The keyed hash of the log's claims and kept ids.
    func systemHasher() async throws -> SystemHasher {
        let masterKey = try keys.masterKey()
        return try await withPool("vault", databases.vault.acting(as: "annals_commands")) {
            try await SystemHasher.open($0, masterKey: masterKey)
        }
    }

    /// The log with the command service's right to append, for commands of the operator. It has no vault, since
    /// they neither write nor read anything personal.
    func withCommandLog(_ body: @Sendable @escaping (PostgresEventStore) async throws -> Void) async throws {
        let hasher = try await systemHasher()
        do {
            try await withPool("log", databases.log.acting(as: "annals_commands")) { pool in
                let head = HeadWatch(pool, direct: nil, logger: logger)
                let log = PostgresEventStore(pool, head: head, vault: nil, hasher: hasher, catalog: .annals, logger: logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await log.run() }
                    group.addTask { try await body(log) }
                    defer { group.cancelAll() }
                    // If the log can't go on, the command ends too.
                    try await group.next()
                }
            }
        } catch let error as EventStoreError {
            throw Failure(error.line)
        }
    }
}

import ArgumentParser
import EventLog
import EventSourcing
import Logging
import Postgres
import Publishing
import Vault

/// Where the read models are.
struct ReadOptions: ParsableArguments {
    @OptionGroup var log: LogOptions
    @Option(help: "The read database's URL.") var read: String

    /// The read database as the projector's role.
    func target() throws -> ConnectionTarget {
        var target = try ConnectionTarget(url: read)
        target.role = "annals_projector"
        return target
    }

    /// The log as projectors read it: with their rights, opened, woken.
    func withLog<T: Sendable>(_ body: @Sendable (PostgresEventStore) async throws -> T) async throws -> T {
        let logger = Logger(label: "benchmark")
        var target = try ConnectionTarget(url: log.log)
        target.role = "annals_projector"
        var vaultTarget = try ConnectionTarget(url: log.vault)
        vaultTarget.role = "annals_projector"
        guard let masterKey = MasterKey(hexadecimal: String(repeating: "5a", count: 32)) else { throw ValidationError("a constant key") }
        let (logPool, vaultPool) = (ConnectionPool(target, logger: logger), ConnectionPool(vaultTarget, logger: logger))
        let head = HeadWatch(logPool, direct: target, logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for pool in [logPool, vaultPool] { group.addTask { try await pool.run() } }
            group.addTask { try await head.run() }
            defer { group.cancelAll() }
            return try await body(
                PostgresEventStore(
                    logPool, head: head, vault: KeyVault(vaultPool, masterKey: masterKey), hasher: nil, catalog: .publishing, logger: logger))
        }
    }
}

/// Makes the schema of a read database.
struct PrepareRead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Migrates an empty read database.")

    @Option(help: "The read database's URL.") var read: String
    @Option(help: "The folder `migrations/` of Annals.") var migrations: String

    func run() async throws {
        _ = try await Migrator(directory: "\(migrations)/read", logger: Logger(label: "benchmark")).migrate(try ConnectionTarget(url: read))
    }
}

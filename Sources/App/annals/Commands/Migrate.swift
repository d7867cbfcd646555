import ArgumentParser
import Postgres

/// `annals migrate`: brings the four databases up to this build.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Apply the migrations that the databases lack.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Show which migrations are applied, and apply none.")
    var status = false

    func run() async throws {
        let operation = try await Operation.begin(flags, needsKeys: false)
        guard status else {
            return try await operation.databases.prepare(
                operation.installation, statementTimeout: operation.settings.pools.statementTimeout,
                mayLack: operation.settings.databasesMayLack, logger: operation.logger
            ) { name, applied in
                printLine("\(name): \(applied.isEmpty ? "nothing to do" : applied.map { "\($0)" }.joined(separator: ", "))")
            }
        }
        for (name, target) in operation.databases.all {
            let migrator = try Migrator(directory: operation.installation.migrations(name), logger: operation.logger)
            try await operation.databases.explaining(name) {
                for migration in try await migrator.status(target) { printLine("\(name)  \(migration)") }
            }
        }
    }
}

import ArgumentParser
import Postgres

/// `annals migrate`: brings the four databases up to this binary.
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Apply the migrations that the databases lack.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "Only show what is applied and what is not.")
    var status = false

    func run() async throws {
        let operation = try await Operation.begin(flags)
        for (name, target) in operation.databases.all {
            let migrator = try Migrator(directory: operation.installation.migrations(name), logger: operation.logger)
            try await operation.databases.explaining(name) {
                if status {
                    for migration in try await migrator.status(target) { printLine("\(name)  \(migration)") }
                } else {
                    let applied = try await migrator.migrate(target)
                    printLine("\(name): \(applied.isEmpty ? "nothing to do" : applied.map { "\($0)" }.joined(separator: ", "))")
                }
            }
        }
    }
}

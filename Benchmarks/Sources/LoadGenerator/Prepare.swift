import ArgumentParser
import Logging
import Postgres

/// Makes the schema and the authors.
struct Prepare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Migrates empty databases and registers the authors.")

    @OptionGroup var options: LogOptions
    @Option(help: "The folder `migrations/` of Annals.") var migrations: String

    func run() async throws {
        let logger = Logger(label: "benchmark")
        for (folder, url) in [("log", options.log), ("vault", options.vault)] {
            _ = try await Migrator(directory: "\(migrations)/\(folder)", logger: logger).migrate(try ConnectionTarget(url: url))
        }
        try await MeasuredLog.open(options) { try await Authors.register(in: $0) }
    }
}

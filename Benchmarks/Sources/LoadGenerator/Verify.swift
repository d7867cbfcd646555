import ArgumentParser
import Audit
import EventLog

/// Verifies the whole log: each leaf, each tile, each checkpoint.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Verifies the log and prints the rate as JSON.")

    @OptionGroup var options: LogOptions
    @Option(help: "The file of the signing key.") var key: String

    func run() async throws {
        let signer = try AuditKeyFile(key).read()
        let line = try await MeasuredLog.open(options) { log in
            let head = try await log.store.head()
            let start = ContinuousClock.now
            let report = try await LogAudit(log.pool, keys: [signer.verifier]).run()
            let elapsed = start.duration(to: .now)
            if let difference = report.difference { throw ValidationError("\(difference)") }
            return "{\"rate\": \(Double(head) / (elapsed / .seconds(1)))}"
        }
        print(line)
    }
}

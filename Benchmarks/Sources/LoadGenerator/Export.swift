import ArgumentParser
import Audit
import EventLog
import Foundation
import Postgres
import Publishing

/// Exports the whole log to standard output as `annals audit export` does.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Exports the log to standard output and prints the rate as JSON on standard error.")

    @OptionGroup var options: LogOptions
    @Flag(help: "Open personal data.") var opened = false

    func run() async throws {
        let opened = opened
        let line = try await MeasuredLog.open(options) { log in
            let export = TrailExport(AuditTrail(log.pool))
            let start = ContinuousClock.now
            let summary =
                if opened {
                    try await export.run(
                        TrailFilter(), as: EventTexts(.lines, catalog: .publishing) { try await log.store.open($0) }, to: { try writeAll($0, to: STDOUT_FILENO, name: "standard output") })
                } else {
                    try await export.run(TrailFilter(), as: SealedLines(), to: { try writeAll($0, to: STDOUT_FILENO, name: "standard output") })
                }
            return "{\"rate\": \(Double(summary.events) / (start.duration(to: .now) / .seconds(1))), \"bytes\": \(summary.bytes)}"
        }
        FileHandle.standardError.write(Data(line.utf8))
    }
}

import ArgumentParser
import EventSourcing
import FoundationEssentials
import Projections

/// `annals projections rebuild`: makes tables anew, beside the live ones.
struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a read model's tables anew from the log, and swap them in.",
        discussion:
            "Queries and the live projector go on meanwhile. Interrupted at any moment it leaves the live tables as they were. The tables that were live are kept."
    )

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The read model.")
    var name: String?

    @Flag(help: "All read models, side by side.")
    var all = false

    @Option(help: "How many streams of each read model are applied side by side.")
    var parallel = 2

    @Flag(help: "Print progress and result as JSON, one object a line.")
    var json = false

    func validate() throws {
        guard all != (name != nil) else { throw ValidationError("Name one read model, or give --all.") }
        guard 1...64 ~= parallel else { throw ValidationError("--parallel takes 1 to 64.") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags)
        let models = try await operation.readModelFolders().filter { all || $0.name == name }
        if let name, models.isEmpty { throw Failure("there is no folder projections/\(name)") }
        let progress = MaintenanceProgress("rebuild", of: models.map(\.name), json: json)
        let reports = try await operation.withMaintenance { [parallel] maintenance in
            defer { progress.finish() }
            return try await withThrowingTaskGroup(of: RebuildReport.self) { group in
                for model in models { group.addTask { try await maintenance.rebuild(model, workers: parallel) { progress.update($0) } } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        for report in reports.sorted(by: { $0.model < $1.model }) { printLine(json ? report.json : "Rebuilt " + report.line) }
    }
}

extension RebuildReport {
    var line: String {
        "\(model): version \(version.prefix(12)) is live at position \(position)"
            + (parkedStreams == 0 ? "." : "; \(parkedStreams) streams are parked in it.")
    }

    var json: String {
        JSON.object([
            "model": .string(model), "version": .string(version), "position": .integer(position), "parked": .integer(Int64(parkedStreams)),
        ]).serialized
    }
}

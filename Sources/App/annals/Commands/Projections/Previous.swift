import ArgumentParser
import EventSourcing
import JSON
import Projections

/// `annals projections rollback`: back to the previous tables.
struct Rollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the previous tables up to date with the log, and swap them in.",
        discussion: "They are kept current by the SQL that made them, whatever the folder holds now. Refused if a query would not work with them.")

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The read model.")
    var name: String

    @Flag(help: "Print progress and result as JSON, one object a line.")
    var json = false

    func run() async throws {
        let operation = try await Operation.begin(flags)
        try await operation.requireReadModels([name])
        let progress = MaintenanceProgress("rollback", of: [name], json: json)
        let report = try await operation.withMaintenance { [name] maintenance in
            defer { progress.finish() }
            return try await maintenance.rollBack(name) { progress.update($0) }
        }
        printLine(json ? report.json : "Rolled back " + report.line)
    }
}

/// `annals projections drop`: removes the previous tables, or a read model whose folder is gone.
struct Drop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Drop the previous tables. There is no rollback to them after that.")

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The read model.")
    var name: String

    @Flag(help: "Drop a read model whose folder is gone: live and previous tables, parked events, checkpoint.")
    var orphaned = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let operation = try await Operation.begin(flags)
        try await operation.requireReadModels([name])
        if orphaned, try operation.folders().contains(where: { $0.name == name }) {
            throw Failure("\(name) is not orphaned: there is a folder projections/\(name)")
        }
        try await operation.withMaintenance { [name, orphaned] maintenance in
            if orphaned { try await maintenance.dropOrphaned(name) } else { try await maintenance.dropPrevious(of: name) }
        }
        if json { return printLine(JSONValue.object(["model": .string(name), "dropped": .string(orphaned ? "all" : "previous")]).serialized) }
        printLine(orphaned ? "Dropped \(name)." : "Dropped the previous tables of \(name).")
    }
}

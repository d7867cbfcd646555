import ArgumentParser
import EventSourcing
import JSON
import Projections

/// `annals projections verify`: proves that live tables equal a fold of the log.
struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fold the log again and compare the result with the live tables, row for row.",
        discussion: "Exit code 0 if they are equal; 3 if rows differ, or if events are parked or discarded.")

    @OptionGroup var models: ReadModelNames

    @Flag(help: "Print the result as JSON.")
    var json = false

    func run() async throws {
        let operation = try await Operation.begin(models.flags)
        try await operation.requireReadModels(models.names)
        if !(try await areEqual(on: operation, json: json)) { endProcess(.difference) }
    }

    /// Compares the read models of a system, and prints a report on each. Returns whether all are equal.
    func areEqual(on operation: Operation, json: Bool) async throws -> Bool {
        let names = models.all ? try await operation.readModelNames() : models.names
        var areEqual = true
        for name in names {
            let progress = MaintenanceProgress("verify", of: [name], json: json)
            let report = try await operation.withMaintenance { [parallel = models.parallel] maintenance in
                defer { progress.finish() }
                return try await maintenance.verify(name, workers: parallel) { progress.update($0) }
            }
            if json { printLine(report.json) } else { report.lines.forEach(printLine) }
            areEqual = areEqual && report.isEqual
        }
        return areEqual
    }
}

/// `1 row`, `2 rows`.
private func counted(_ count: some BinaryInteger, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }

extension VerificationReport {
    fileprivate var lines: [String] {
        var lines = differences.map(\.description)
        lines += unappliable.map { "can't be applied: position \($0)" }
        lines += parked.map { "parked: \($0)" }
        lines += discarded.map { "discarded: position \($0)" }
        let total = rows.values.reduce(0, +)
        let place = "\(model) at position \(position)" + (lag == 0 ? "" : ", \(lag) behind the log")
        lines.append(
            hasEqualRows
                ? "\(place): equal, \(counted(total, "row")) in \(counted(rows.count, "table"))" + (isEqual ? "." : ", apart from the events above.")
                : "\(place): different; at most 10 rows of each table are named.")
        return lines
    }

    fileprivate var json: String {
        var counts = JSONObject()
        for (table, count) in rows.sorted(by: { $0.key < $1.key }) { counts[table] = .integer(count) }
        return JSONValue.object([
            "model": .string(model), "position": .integer(position), "lag": .integer(lag), "equal": .bool(isEqual),
            "rows": .object(counts),
            "differences": .array(differences.map { .string($0.description) }), "unappliable": .array(unappliable.map(JSONValue.string)),
            "parked": .array(parked.map { .string("\($0)") }), "discarded": .array(discarded.map(JSONValue.integer)),
        ]).serialized
    }
}

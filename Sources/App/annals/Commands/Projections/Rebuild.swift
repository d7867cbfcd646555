import ArgumentParser
import EventSourcing
import FoundationEssentials
import JSON
import Projections

/// `annals projections rebuild`: makes new tables beside the live ones.
struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make new tables of read models from the log, and swap them in.",
        discussion:
            """
            Queries and the live projector go on meanwhile. If it is interrupted, the live tables stay as they were. The replaced tables are kept \
            for a rollback.
            """)

    @OptionGroup var models: ReadModelNames

    @Flag(help: "Print progress and result as JSON, one object a line.")
    var json = false

    func run() async throws {
        let operation = try await Operation.begin(models.flags)
        try await operation.requireReadModels(models.names)
        let folders = try operation.folders().filter { models.all || models.names.contains($0.name) }
        if let name = models.names.first(where: { name in !folders.contains { $0.name == name } }) {
            throw Failure("there is no folder projections/\(name)")
        }
        let progress = MaintenanceProgress("rebuild", of: folders.map(\.name), json: json)
        let outcomes = try await cancellingOnInterrupt { [parallel = models.parallel] in
            try await operation.withMaintenance { maintenance in
                defer { progress.finish() }
                return await withTaskGroup(of: Outcome.self) { group in
                    for (name, folder) in folders {
                        group.addTask {
                            await Outcome(name, operation) { try await maintenance.rebuild(folder.get(), workers: parallel) { progress.update($0) } }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
            }
        }
        // The failure of a single model ends the command and is told there.
        if outcomes.count == 1, let failure = outcomes.first?.failure { throw failure }
        for outcome in outcomes.sorted(by: { $0.model < $1.model }) { outcome.tell(json: json) }
        let failed = outcomes.count { $0.failure != nil }
        if failed > 0 { throw Failure("\(failed) of \(outcomes.count) read models were not rebuilt") }
    }
}

/// The end of one model's rebuild. The others go on whatever it is.
private struct Outcome: Sendable {
    let model: String
    let result: Result<RebuildReport, Failure>

    init(_ model: String, _ operation: Operation, _ rebuild: () async throws -> RebuildReport) async {
        self.model = model
        do {
            result = .success(try await operation.refusing(rebuild))
        } catch {
            result = .failure(Task.isCancelled ? .interrupted : error as? Failure ?? Failure("\(error)"))
        }
    }

    var failure: Failure? {
        if case .failure(let failure) = result { failure } else { nil }
    }

    func tell(json: Bool) {
        switch result {
        case .success(let report): printLine(json ? report.json : "Rebuilt " + report.line)
        case .failure(let failure) where json: printLine(JSONValue.object(["model": .string(model), "error": .string(failure.message)]).serialized)
        case .failure(let failure): printError("annals: \(model): \(failure.message)")
        }
    }
}

extension Failure {
    fileprivate static let interrupted = Failure(
        "interrupted; the live tables are as they were, and the unfinished ones go with the next rebuild, or within 30 s where a projector runs")
}

extension RebuildReport {
    var line: String {
        "\(model): version \(version.prefix(12)) is live at position \(position)"
            + (parkedStreams == 0 ? "." : "; \(parkedStreams) streams are parked in it.")
    }

    var json: String {
        JSONValue.object([
            "model": .string(model), "version": .string(version), "position": .integer(position), "parked": .integer(Int64(parkedStreams)),
        ]).serialized
    }
}

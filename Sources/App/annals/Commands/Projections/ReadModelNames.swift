import ArgumentParser
import Postgres
import Projections

/// The read models that a command folds the log for: some by name, or all.
struct ReadModelNames: ParsableArguments {
    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The read models.")
    var names: [String] = []

    @Flag(help: "All read models.")
    var all = false

    @Option(help: "Number of streams of each read model that are applied side by side.")
    var parallel = 2

    func validate() throws {
        guard 1...64 ~= parallel else { throw ValidationError("--parallel takes 1 to 64.") }
        guard all == names.isEmpty else { throw ValidationError("Name the read models, or give --all.") }
        guard Set(names).count == names.count else { throw ValidationError("A read model is named twice.") }
    }
}

extension Operation {
    /// Fails unless each name is that of a read model that has a folder or tables.
    func requireReadModels(_ names: [String]) async throws {
        if names.isEmpty { return }
        let known = try await readModelNames()
        guard let unknown = names.first(where: { !known.contains($0) }) else { return }
        throw Failure("there is no read model \(unknown)\(Suggestion.text(for: unknown, among: known))")
    }

    /// The names of all read models that have a folder or tables, in order.
    func readModelNames() async throws -> [String] {
        let live = try await refusing {
            try await withPool("read", readModels) { try await ReadModelStatus.readAll(from: $0) }
        }
        return Set(live.map(\.model) + (try folders()).map(\.name)).sorted()
    }
}

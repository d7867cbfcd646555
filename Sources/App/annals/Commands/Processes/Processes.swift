import ArgumentParser
import EventLog
import EventSourcing
import FoundationEssentials
import JSON
import Postgres
import Processes
import RelayService

/// `annals processes`: what an operator sees of processes and does about them.
struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "processes", abstract: "Inspect processes, and help those that are stuck.",
        subcommands: [
            ProcessesList.self, ProcessesShow.self, ProcessesRetry.self, ProcessesSkip.self, ProcessesCompensate.self, ProcessesCancel.self,
        ])
}

struct ProcessesList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the processes that are not over, the newest first.")

    @OptionGroup var flags: SettingsFlags

    @Flag(help: "List those that are over, too.")
    var all = false

    @Option(help: "At most so many; where there are more, the list says so.")
    var limit = 1000

    @Option(help: "Those behind the place that a list before has ended with.")
    var after: ProcessPlace?

    @Flag(help: "Print one JSON object a line, the last one with `more` and `after` where there are more.")
    var json = false

    func validate() throws {
        guard 1...100_000 ~= limit else { throw ValidationError("--limit is 1 to 100000.") }
    }

    func run() async throws {
        let operation = try await Operation.begin(flags, needsKeys: false)
        let rows = try await operation.withPool("log", operation.databases.log.acting(as: "annals_relay")) {
            try await PostgresProcessTable.all(isOpen: !all, limit: limit + 1, after: after, in: $0)
        }
        let shown = rows.prefix(limit)
        let next = rows.count > limit ? shown.last.map { ProcessPlace(after: $0) } : nil
        try await show(Array(shown), next)
        if let next { printError("annals: there are more: give the same command with --after \(next)") }
    }

    private func show(_ rows: [ProcessRow], _ next: ProcessPlace?) async throws {
        let now = Timestamp.now
        if json {
            var lines = rows.map { JSONValue.object($0.json(at: now)).serialized }
            if let next { lines.append(JSONValue.object(["more": .bool(true), "after": .string("\(next)")]).serialized) }
            return try await StandardOutput().write(lines)
        }
        var table = TextTable("ID", "KIND", "STATUS", "STEP", "FAILURES", "DUE", "STUCK")
        for row in rows {
            table.add(
                row.id.lowercased, row.kind, row.status, row.step ?? "-", "\(row.failures)", row.dueAt?.description ?? "-",
                row.isStuck(at: now) ? "yes" : "-")
        }
        try await StandardOutput().write(table.lines)
    }
}

struct ProcessesShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show the events of a process.")

    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The process's id.")
    var id: String

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func run() async throws {
        let process = try processID(id)
        let operation = try await Operation.begin(flags, needsKeys: false)
        let isJSON = json
        try await operation.readLog(.stored) { log in
            let events = try await LogJournal(log).load(process)
            guard !events.isEmpty else { throw Failure("there is no process \(process.lowercased)") }
            try await StandardOutput().write(
                events.map { event in
                    var object: JSONObject = [
                        "position": .integer(event.position), "at": .string("\(event.recordedAt)"), "type": .string(event.type),
                    ]
                    object["data"] = .object(event.data)
                    return isJSON
                        ? JSONValue.object(object).serialized
                        : "\(event.recordedAt)  \(event.type)  \(JSONValue.object(event.data).serialized.escapingControls)"
                })
        }
    }
}

extension ProcessPlace: ExpressibleByArgument {
    /// A place as it is written in `--after`.
    public init?(argument: String) { self.init(argument) }
}

extension ProcessRow {
    fileprivate func isStuck(at time: Timestamp) -> Bool { stuckAt.map { $0 <= time } ?? false }

    fileprivate func json(at now: Timestamp) -> JSONObject {
        [
            "id": .string(id.lowercased), "kind": .string(kind), "status": .string(status), "step": step.map(JSONValue.string) ?? .null,
            "failures": .integer(Int64(failures)), "dueAt": dueAt.map { .string("\($0)") } ?? .null, "stuck": .bool(isStuck(at: now)),
        ]
    }
}

/// Throws a `Failure` for what is no id.
func processID(_ text: String) throws -> UUID {
    guard let id = UUID(lowercase: text) else { throw Failure("\(text.escapingControls) is not an id", code: .wrongUse) }
    return id
}

import ArgumentParser
import EventSourcing
import FoundationEssentials
import JSON
import Processes
import RelayService

/// A command that asks something of one process. The relay takes it up at once, since it follows the log.
protocol ProcessHelp: AsyncParsableCommand {
    static var request: ProcessRequest { get }
    var target: ProcessTarget { get }
}

/// The process that a command is about, and how to print what came of it.
struct ProcessTarget: ParsableArguments {
    @OptionGroup var flags: SettingsFlags

    @Argument(help: "The process's id.")
    var id: String

    @Flag(help: "Print one JSON object.")
    var json = false
}

extension ProcessHelp {
    func run() async throws {
        let process = try processID(target.id)
        let operation = try await Operation.begin(target.flags)
        let isJSON = target.json
        try await operation.withCommandLog { log in
            let journal = LogJournal(log)
            for _ in 1...10 {
                let state = try ProcessState(try await journal.load(process))
                let events = try Self.decide(state, process)
                if try await journal.append(events, to: process, after: state.version, cause: ProcessCause(correlation: state.correlation)) {
                    let types = events.map(\.kind.rawValue)
                    return printLine(
                        isJSON
                            ? JSONValue.object(["id": .string(process.lowercased), "events": .array(types.map(JSONValue.string))]).serialized
                            : types.joined(separator: ", "))
                }
            }
            throw Failure("the process is too busy: try again")
        }
    }

    private static func decide(_ state: ProcessState, _ process: UUID) throws -> [ProcessEvent] {
        if state.status == .missing { throw Failure("there is no process \(process.lowercased)") }
        guard let manager = Relay.manager(of: state.kind) else { throw Failure("this program knows no process of the kind \(state.kind)") }
        do {
            let events = try ProcessRules(manager).decide(request, in: state, retryAt: .now)
            guard !events.isEmpty else { throw Failure("it is being compensated already") }
            return events
        } catch let refusal as ProcessRefusal {
            throw Failure(refusal.line)
        }
    }
}

extension ProcessRefusal {
    fileprivate var line: String {
        switch self {
        case .missing: "there is no such process"
        case .over: "the process is over"
        case .nothingToRetry: "no step of the process waits for its command"
        case .pastPivot: "the process is past its pivot and only goes forward"
        }
    }
}

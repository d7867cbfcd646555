import EventSourcing
import FoundationEssentials
import HTTPContract
import HTTPTypes
import JSON
import Processes
import PublishingAPI

/// Publishes a scheduled post at its time, as its author. The instance has the post's id, so a post has one schedule at most.
///
/// The post's own events begin, move and end it: an author who publishes or deletes a scheduled post ends the schedule by that. The command names
/// the time as well, and the post refuses it when it is scheduled for another.
struct ScheduledPublication: ProcessManager {
    let kind = "scheduled-publication"
    let patience = Duration.seconds(900)
    /// Nil where it only decides.
    let commands: ServiceClient?

    private static let notScheduled = "it is not scheduled for then"

    func messages(in event: RecordedEvent) -> [ProcessMessage] {
        switch event.type {
        case "PostScheduled": [ProcessMessage(event.stream.id, .start(input: event.data))]
        case "PostUnscheduled": [ProcessMessage(event.stream.id, .reply(name: "unscheduled", [:]))]
        default: []
        }
    }

    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision] {
        switch news {
        case .started: wait(for: state.input)
        case .replied("again", let input): state.deadlines.keys.map { .stopWaiting(step: $0) } + wait(for: input)
        // The end of its own schedule comes back to it, too, when the author could not publish.
        case .replied: state.isGivingUp ? [] : [.end(.cancelled)]
        case .deadlinePassed(let time): [issue(.publish, command(at: time, in: state.input), undo: command(at: time, in: state.input))]
        // It was scheduled anew while the step was worked on, for a time that is still to come or is come by now.
        case .stepDone where state.hasMoreToDo, .stepRefused where state.hasMoreToDo: []
        case .stepDone(let step, _): PublicationStep(step) == .publish ? [.end(.completed)] : [.end(.refused, reason: state.refusal)]
        case .stepRefused(let step, let reason):
            if PublicationStep(step) == .giveUp {
                [.end(.refused, reason: reason)]
            } else if reason == Self.notScheduled {
                [.end(.cancelled)]
            } else {
                state.steps.last.map { [issue(.giveUp, $0.command)] } ?? []
            }
        }
    }

    /// The step bears the name of its time. The one before is over.
    private func wait(for input: JSONObject) -> [ProcessDecision] {
        guard let text = input["at"]?.text, let time = Timestamp(text) else { return [.end(.refused, reason: "it names no time")] }
        return [.wait(step: text, until: time, undo: command(at: text, in: input))]
    }

    private func command(at time: String, in input: JSONObject) -> JSONObject { ["at": .string(time), "author": input["author"] ?? .null] }

    /// The step bears its time in its name as well. Else the command for another time would have the same id, and count as a repeat.
    private func issue(_ step: PublicationStep, _ command: JSONObject, undo: JSONObject? = nil) -> ProcessDecision {
        .issue(step: "\(step.rawValue) \(command["at"]?.text ?? "")", command, undo: undo)
    }

    func execute(_ command: ProcessCommand) async throws -> CommandOutcome {
        guard let commands else { throw UnexpectedAnswer(status: 503) }
        var body = command.body
        body["command"] = .string(command.id.lowercased)
        if let correlation = command.correlation { body["correlation"] = .string(correlation) }
        // An operator who cancels it takes the schedule back as well: its author would wait for nothing.
        if command.isUndo || PublicationStep(command.step) == .giveUp { body["givesUp"] = .bool(true) }
        let answer = try await commands.post(.publishScheduledPost, command.process.lowercased, json: body)
        switch answer.problemCode {
        case nil where answer.isSuccess: return .done([:])
        case .unauthenticated: return .refused("its author is not active")
        case .notFound, .conflict: return .refused(Self.notScheduled)
        default: throw UnexpectedAnswer(status: answer.status.code)
        }
    }
}

/// The steps with a command.
private enum PublicationStep: String, CaseIterable {
    case publish
    case giveUp = "give up"

    /// From the name of a step in an instance.
    init?(_ name: String) {
        guard let step = Self.allCases.first(where: { name.hasPrefix($0.rawValue) }) else { return nil }
        self = step
    }
}

extension ProcessState {
    /// Whether another time is waited for, or has come.
    fileprivate var hasMoreToDo: Bool { !deadlines.isEmpty || steps.contains { $0.status == .issued } }

    /// Whether it takes the schedule back itself.
    fileprivate var isGivingUp: Bool { deadlines.isEmpty && steps.last.map { PublicationStep($0.name) == .giveUp } ?? false }

    /// Why its last refused step was refused.
    fileprivate var refusal: String? {
        for step in steps.reversed() { if case .refused(let reason) = step.status { return reason } }
        return nil
    }
}

/// A service answered with something that says neither yes nor no.
struct UnexpectedAnswer: Error, CustomStringConvertible {
    let status: Int

    var description: String { "a service answered \(status)" }
}

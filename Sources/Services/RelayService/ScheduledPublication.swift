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
        case .replied: state.steps.contains { $0.name == "give up" } ? [] : [.end(.cancelled)]
        case .deadlinePassed(let step): [.issue(step: "publish", ["at": .string(step), "author": state.input["author"] ?? .null], isPivot: true)]
        case .stepDone("publish", _): [.end(.completed)]
        case .stepDone(_, _): [.end(.refused, reason: state.refusal)]
        case .stepRefused("publish", "it is not scheduled for then"): [.end(.cancelled)]
        case .stepRefused("publish", _): state.steps.last.map { [.issue(step: "give up", $0.command)] } ?? []
        case .stepRefused(_, let reason): [.end(.refused, reason: reason)]
        }
    }

    /// The step bears the name of its time. The one before is over.
    private func wait(for input: JSONObject) -> [ProcessDecision] {
        guard let text = input["at"]?.text, let time = Timestamp(text) else { return [.end(.refused, reason: "it names no time")] }
        return [.wait(step: text, until: time)]
    }

    func execute(_ command: ProcessCommand) async throws -> CommandOutcome {
        guard let commands else { throw UnexpectedAnswer(status: 503) }
        var body = command.body
        body["command"] = .string(command.id.lowercased)
        if let correlation = command.correlation { body["correlation"] = .string(correlation) }
        if command.step == "give up" { body["givesUp"] = .bool(true) }
        let answer = try await commands.post(.publishScheduledPost, command.process.lowercased, json: body)
        switch answer.problemCode {
        case nil where answer.isSuccess: return .done([:])
        case .unauthenticated: return .refused("its author is not active")
        case .notFound, .conflict: return .refused("it is not scheduled for then")
        default: throw UnexpectedAnswer(status: answer.status.code)
        }
    }
}

extension ProcessState {
    /// Why its first step was refused.
    fileprivate var refusal: String? {
        for step in steps { if case .refused(let reason) = step.status { return reason } }
        return nil
    }
}

/// A service answered with something that says neither yes nor no.
struct UnexpectedAnswer: Error, CustomStringConvertible {
    let status: Int

    var description: String { "a service answered \(status)" }
}

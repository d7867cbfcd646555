package import EventSourcing
package import FoundationEssentials
package import JSON

/// A kind of process: a decider over what happens that issues commands (docs/processes.md).
///
/// `decide` is called once for each piece of news, and what it decides is recorded. It is never called again for the same news, so a new version of
/// it may decide differently from the next news on.
package protocol ProcessManager: Sendable {
    /// The name of the kind, as it stands in the log.
    var kind: String { get }
    /// An instance that has made no progress for longer than this is stuck.
    var patience: Duration { get }
    /// The longest pause before a command whose outcome is unknown is tried again. An hour by default.
    var longestPause: Duration { get }
    /// Whether the event that begins an instance is its pivot: it only goes forward then. False by default.
    var beginsPastPivot: Bool { get }

    /// The news in an event of the log for instances of this kind. None for an event that is not theirs.
    func messages(in event: RecordedEvent) -> [ProcessMessage]

    /// Decides what follows from the news. Pure.
    func decide(_ news: ProcessNews, in state: ProcessState) -> [ProcessDecision]

    /// Carries a command out. It may be asked again under the same id, and the second time must change nothing. An error means that nobody knows
    /// whether it was carried out: it is tried again later.
    func execute(_ command: ProcessCommand) async throws -> CommandOutcome
}

extension ProcessManager {
    package var longestPause: Duration { .seconds(3600) }
    package var beginsPastPivot: Bool { false }
}

/// The news in an event of the log for one instance.
package struct ProcessMessage: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// Begins the instance, anew if it is over. One that runs gets it as a reply named `again`, and one that is undone begins anew with it then.
        case start(input: JSONObject)
        case reply(name: String, JSONObject)
    }

    /// The instance.
    package let process: UUID
    package let content: Content

    package init(_ process: UUID, _ content: Content) {
        self.process = process
        self.content = content
    }
}

/// News for an instance.
package enum ProcessNews: Sendable, Hashable {
    case started
    case replied(name: String, JSONObject)
    case stepDone(step: String, JSONObject)
    /// The command was refused for good.
    case stepRefused(step: String, reason: String)
    case deadlinePassed(step: String)
}

/// A decision of an instance.
package enum ProcessDecision: Sendable, Hashable {
    /// Begins a step by a command. `undo` is the command that takes it back. Once a pivot is done nothing is compensated any more.
    case issue(step: String, JSONObject, undo: JSONObject? = nil, isPivot: Bool = false)
    /// Begins a step that waits: `deadlinePassed` comes at that time, unless the step is over before. Again replaces the time. `undo` is the command
    /// that takes back what it waits for.
    case wait(step: String, until: Timestamp, undo: JSONObject? = nil)
    /// Ends a step that waits.
    case stopWaiting(step: String)
    /// Undoes what was done, the last step first, and ends. Ignored after a pivot.
    case compensate(reason: String)
    case end(ProcessOutcome, reason: String? = nil)
}

/// How an instance ended.
package enum ProcessOutcome: String, Sendable, Hashable, CaseIterable {
    case completed, compensated, cancelled
    /// The command could not be done.
    case refused
}

/// A command that a step issues.
package struct ProcessCommand: Sendable, Hashable {
    /// The same each time that the step's command is issued, and another for its undo.
    package let id: UUID
    package let process: UUID
    package let step: String
    package let isUndo: Bool
    package let body: JSONObject
    /// The request that all of the process belongs to.
    package let correlation: String?
}

/// The outcome of a command.
package enum CommandOutcome: Sendable, Hashable {
    case done(JSONObject)
    /// Refused for good: the same command will be refused again.
    case refused(String)
}

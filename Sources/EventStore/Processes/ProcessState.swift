package import EventSourcing
package import FoundationEssentials
package import JSON

/// A process as a fold of its stream.
package struct ProcessState: Sendable, Hashable {
    package enum Status: Sendable, Hashable {
        case missing
        case running
        case compensating(reason: String)
        case ended(ProcessOutcome, reason: String?)
    }

    package struct Step: Sendable, Hashable {
        package enum Status: Sendable, Hashable {
            /// It has a deadline and no command.
            case waiting
            case issued
            case done
            case refused(reason: String)
            case undone
        }

        package let name: String
        package let command: JSONObject
        package let undo: JSONObject?
        package let isPivot: Bool
        package var status = Status.issued
        /// Failures since the command, or its undo, was issued.
        package var failures = 0
        package var retryAt: Timestamp?

        /// A command that was issued may have been carried out, though nobody has heard of it.
        var mayNeedUndo: Bool { undo != nil && (status == .done || status == .issued || status == .waiting) }
    }

    /// The work that is to be done next.
    package enum Work: Sendable, Hashable {
        case execute(Step)
        case undo(Step)
        case passDeadline(step: String)
    }

    package private(set) var status = Status.missing
    package private(set) var kind = ""
    package private(set) var input = JSONObject()
    /// How often it was begun: an instance that is over can begin anew.
    package private(set) var run = 0
    /// In the order in which they began.
    package private(set) var steps: [Step] = []
    package private(set) var deadlines: [String: Timestamp] = [:]
    package private(set) var version = 0
    /// The last event that was no failure.
    package private(set) var progressAt = Timestamp(milliseconds: 0)
    /// The correlation of the event that began it.
    package private(set) var correlation: String?
    /// The messages that it has taken or refused, by the ids of the events that brought them.
    package private(set) var heard: Set<UUID> = []
    /// A start that came while all was undone, the latest, and the replies after it: they are for the next run.
    package private(set) var ahead: [ProcessEvent] = []

    package init(_ events: [RecordedEvent] = []) throws(EventDecodingError) {
        for event in events {
            version = event.version
            let read = try ProcessEvent(event)
            if read.kind != .stepFailed, read.kind != .messageRefused { progressAt = event.recordedAt }
            if read.kind == .started { correlation = event.metadata.correlation }
            if [.started, .replied, .messageRefused].contains(read.kind), let cause = event.metadata.causation { heard.insert(cause) }
            evolve(with: read)
        }
    }

    package var isOpen: Bool {
        switch status {
        case .running, .compensating: true
        case .missing, .ended: false
        }
    }

    /// Whether it only goes forward from here.
    package var isPastPivot: Bool { steps.contains { $0.isPivot && $0.status == .done } }

    /// The step whose command, or its undo, is to be carried out; nil while there is none.
    package var openStep: Step? {
        switch status {
        case .missing, .ended: nil
        case .running: steps.first { $0.status == .issued }
        case .compensating: steps.last(where: \.mayNeedUndo)
        }
    }

    /// The next piece of work, and when it is due; nil while the instance waits for a reply, or is over. A command that fails again and again holds
    /// up no deadline.
    package var next: (work: Work, at: Timestamp)? {
        let isUndone = if case .compensating = status { true } else { false }
        let command = openStep.map { (work: isUndone ? Work.undo($0) : .execute($0), at: $0.retryAt ?? progressAt) }
        let deadline = deadlines.min { ($0.value, $0.key) < ($1.value, $1.key) }.map { (work: Work.passDeadline(step: $0.key), at: $0.value) }
        guard let command, let deadline else { return command ?? deadline }
        return deadline.at <= command.at ? deadline : command
    }

    /// The moment from which it is stuck, unless something happens; nil once it is over. While a command is to be carried out a deadline is no
    /// excuse.
    package func stuckAt(patience: Duration) -> Timestamp? {
        guard isOpen else { return nil }
        let waitsUntil = openStep == nil ? deadlines.values.min() : nil
        return max(progressAt, waitsUntil ?? progressAt).advanced(by: patience)
    }

    /// Takes in what an event says, but for when and why it was recorded.
    mutating func evolve(with event: ProcessEvent) {
        switch event.kind {
        case .started:
            steps = []
            deadlines = [:]
            ahead = []
            (status, kind, input, run) = (.running, event.name ?? "", event.data ?? [:], run + 1)
        case .replied: if case .compensating = status { keepForNextRun(event) }
        case .messageRefused: break
        case .stepIssued:
            steps.append(Step(name: event.step ?? "", command: event.data ?? [:], undo: event.undo, isPivot: event.isPivot))
        case .stepFailed:
            change(event) {
                $0.failures += 1
                $0.retryAt = event.at
            }
        case .stepRetried:
            change(event) { step in
                step.retryAt = nil
                if case .refused = step.status { step.status = .issued }
            }
        case .stepRefused: change(event) { $0.status = .refused(reason: event.reason ?? "") }
        case .stepDone: settle(event, .done)
        case .stepUndone: settle(event, .undone)
        case .stepSkipped: if case .compensating = status { settle(event, .undone) } else { settle(event, .done) }
        case .deadlineSet: setDeadline(of: event, at: event.at)
        case .deadlinePassed, .deadlineCancelled: setDeadline(of: event, at: nil)
        case .compensationBegun:
            status = .compensating(reason: event.reason ?? "")
            deadlines = [:]
            // The pause was the command's; what takes it back is tried at once.
            for index in steps.indices { steps[index].retryAt = nil }
        case .ended:
            status = .ended(event.name.flatMap(ProcessOutcome.init) ?? .completed, reason: event.reason)
            deadlines = [:]
        }
    }

    private mutating func keepForNextRun(_ event: ProcessEvent) {
        if event.name == ProcessEvent.again { ahead = [event] } else if !ahead.isEmpty { ahead.append(event) }
    }

    private mutating func setDeadline(of event: ProcessEvent, at time: Timestamp?) {
        guard let name = event.step else { return }
        deadlines[name] = time
        steps.removeAll { $0.name == name && $0.status == .waiting }
        if time != nil, let undo = event.undo { steps.append(Step(name: name, command: [:], undo: undo, isPivot: false, status: .waiting)) }
    }

    private mutating func settle(_ event: ProcessEvent, _ status: Step.Status) {
        change(event) {
            $0.status = status
            $0.failures = 0
            $0.retryAt = nil
        }
    }

    private mutating func change(_ event: ProcessEvent, _ change: (inout Step) -> Void) {
        if let index = steps.lastIndex(where: { $0.name == event.step }) { change(&steps[index]) }
    }
}

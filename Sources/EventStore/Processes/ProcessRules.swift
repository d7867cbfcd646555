package import EventSourcing
import JSON

/// The commands to an instance.
package enum ProcessRequest: Sendable, Hashable {
    case message(ProcessMessage.Content)
    /// The outcome of the work that was due.
    case carriedOut(step: String, CommandOutcome)
    case failed(step: String, reason: String, retryAt: Timestamp)
    case undone(step: String)
    case deadlinePassed(step: String)
    /// An operator's wishes.
    case retry, skip, compensate, cancel
}

/// Why an operator's wish is refused.
package enum ProcessRefusal: Error, Hashable {
    case missing, over
    /// There is no step that waits for its command.
    case nothingToRetry
    /// A pivot is done: it only goes forward.
    case pastPivot
}

/// The rules of every process. What is particular to a kind comes from its manager.
package struct ProcessRules: Sendable {
    package let manager: any ProcessManager

    package init(_ manager: any ProcessManager) { self.manager = manager }

    /// The events that follow; none for what has happened before.
    package func decide(_ request: ProcessRequest, in state: ProcessState, retryAt: Timestamp) throws(ProcessRefusal) -> [ProcessEvent] {
        switch request {
        case .message(let content): return receive(content, in: state)
        case .carriedOut(let step, let outcome):
            guard state.steps.contains(where: { $0.name == step && $0.status == .issued }) else { return [] }
            switch outcome {
            case .done(let result):
                return follow(.init(.stepDone, step: step, data: result), .stepDone(step: step, result), state)
            case .refused(let reason) where isPastPivot(state):
                // There is no way back, so it is tried again until it works or somebody looks.
                return [.init(.stepFailed, step: step, reason: reason, at: retryAt)]
            case .refused(let reason):
                return follow(.init(.stepRefused, step: step, reason: reason), .stepRefused(step: step, reason: reason), state)
            }
        case .failed(let step, let reason, let retryAt): return [.init(.stepFailed, step: step, reason: reason, at: retryAt)]
        case .undone(let step): return ended([.init(.stepUndone, step: step)], leaving: step, state)
        case .deadlinePassed(let step):
            guard state.deadlines[step] != nil else { return [] }
            return follow(.init(.deadlinePassed, step: step), .deadlinePassed(step: step), state)
        case .retry, .skip:
            let step = try blocked(state)
            guard request == .skip else { return [.init(.stepRetried, step: step.name)] }
            let skipped = ProcessEvent(.stepSkipped, step: step.name)
            if case .compensating = state.status { return ended([skipped], leaving: step.name, state) }
            return follow(skipped, .stepDone(step: step.name, [:]), state)
        case .compensate, .cancel:
            try confirmOpen(state)
            guard !isPastPivot(state) else { throw .pastPivot }
            if case .compensating = state.status { return [] }
            return compensation(request == .cancel ? "cancelled by an operator" : "asked for by an operator", state)
        }
    }

    private func receive(_ content: ProcessMessage.Content, in state: ProcessState) -> [ProcessEvent] {
        switch content {
        case .start(let input):
            let again = ProcessEvent.again
            if state.isOpen { return follow(.init(.replied, name: again, data: input), .replied(name: again, input), state) }
            return follow(.init(.started, name: manager.kind, data: input), .started, state)
        case .reply(let name, let data):
            guard state.isOpen else {
                return [.init(.messageRefused, name: name, reason: state.status == .missing ? "the instance is missing" : "the instance is over")]
            }
            return follow(.init(.replied, name: name, data: data), .replied(name: name, data), state)
        }
    }

    /// The event of a piece of news, and what the manager decides on it. Nothing is decided any more while what was done is undone; a start that
    /// comes then is followed when that is over.
    private func follow(_ event: ProcessEvent, _ news: ProcessNews, _ state: ProcessState) -> [ProcessEvent] {
        if case .compensating = state.status { return [event] }
        var events = [event]
        var state = state
        state.evolve(with: event)
        for decision in manager.decide(news, in: state) {
            switch decision {
            case .issue(let step, let command, let undo, let isPivot):
                var issued = ProcessEvent(.stepIssued, step: step, data: command)
                (issued.undo, issued.isPivot) = (undo, isPivot)
                events.append(issued)
            case .wait(let step, let time, let undo):
                var set = ProcessEvent(.deadlineSet, step: step, at: time)
                set.undo = undo
                events.append(set)
            case .stopWaiting(let step): if state.deadlines[step] != nil { events.append(.init(.deadlineCancelled, step: step)) }
            case .compensate(let reason): if !isPastPivot(state) { events += compensation(reason, state) }
            case .end(let outcome, let reason): events.append(.init(.ended, name: outcome.rawValue, reason: reason))
            }
        }
        return events
    }

    private func isPastPivot(_ state: ProcessState) -> Bool { manager.beginsPastPivot || state.isPastPivot }

    private func compensation(_ reason: String, _ state: ProcessState) -> [ProcessEvent] {
        var begun = ProcessEvent(.compensationBegun)
        begun.reason = reason
        return ended([begun], leaving: nil, state, reason)
    }

    /// These events, and the end where no other step is left to undo.
    private func ended(_ events: [ProcessEvent], leaving step: String?, _ state: ProcessState, _ reason: String? = nil) -> [ProcessEvent] {
        if state.steps.contains(where: { $0.mayNeedUndo && $0.name != step }) { return events }
        var known = reason
        if case .compensating(let reason) = state.status { known = reason }
        return begunAnew(events + [.init(.ended, name: ProcessOutcome.compensated.rawValue, reason: known)], state)
    }

    /// These events, which end the instance, and the next run if it was asked for meanwhile.
    private func begunAnew(_ events: [ProcessEvent], _ state: ProcessState) -> [ProcessEvent] {
        var (events, reached) = (events, state)
        for event in events { reached.evolve(with: event) }
        for (index, heard) in state.ahead.enumerated() {
            let data = heard.data ?? [:]
            let following = receive(index == 0 ? .start(input: data) : .reply(name: heard.name ?? "", data), in: reached)
            for event in following { reached.evolve(with: event) }
            events += following
        }
        return events
    }

    private func blocked(_ state: ProcessState) throws(ProcessRefusal) -> ProcessState.Step {
        try confirmOpen(state)
        if let step = state.openStep { return step }
        for step in state.steps.reversed() { if case .refused = step.status { return step } }
        throw .nothingToRetry
    }

    private func confirmOpen(_ state: ProcessState) throws(ProcessRefusal) {
        guard state.isOpen else { throw state.status == .missing ? .missing : .over }
    }
}

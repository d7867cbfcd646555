import EventSourcing
import FoundationEssentials

/// Tells the model what the log says was appended, in the log's order, and holds every answer against it: each success must be allowed at its place, and each
/// other answer must be the right one at some moment between its call and its return.
struct Replay {
    private let round: Round
    private let runs: [Run]
    private let bounds: Bounds

    init(_ round: Round) {
        self.round = round
        runs = round.runs
        bounds = Bounds(round)
    }

    var faults: [String] {
        var faults: [String] = []
        var model = LogModel(head: round.start)
        var waiting = openCalls()
        let requests = round.requests
        // Before each run, and after the last, the log is in a state that callers may have seen.
        for index in 0...runs.count {
            waiting.removeAll { $0.states.contains(index) && model.answer(to: $0.call.request).undated == $0.call.outcome.undated }
            faults += waiting.filter { $0.states.upperBound == index }.map { "nothing explains \($0.call.outcome) to \($0.call.request)" }
            waiting.removeAll { $0.states.upperBound <= index }
            guard index < runs.count, let request = requests[runs[index].command] else { continue }
            faults += fault(of: runs[index], model.append(request)).map { [$0] } ?? []
        }
        return faults
    }

    /// Whether the model appends this too, and at these places.
    private func fault(of run: Run, _ outcome: AppendOutcome) -> String? {
        let name = "command \(run.command.id.lowercased) at \(run.first)"
        guard case .appended(let receipt) = outcome else { return "\(name) should have got \(outcome)" }
        if receipt.firstPosition != run.first || receipt.lastPosition != run.last { return "\(name) is out of place" }
        let answers = round.calls(of: run.command.id).compactMap(\.outcome.receipt)
        if let answer = answers.first(where: { $0.version != receipt.version || $0.stream != receipt.stream }) {
            return "\(name) was answered with \(answer)"
        }
        let begin = round.calls(of: run.command.id).map(\.called).min() ?? 0
        return run.first <= bounds.appended(before: begin) ? "\(name) is before what was answered before it was asked" : nil
    }

    /// The calls that their own place in the log does not explain, each with the states of the log that it may have met.
    private func openCalls() -> [(call: Call, states: ClosedRange<Int>)] {
        round.calls.compactMap { call in
            switch call.outcome {
            case .appended(let receipt) where receipt.firstPosition != nil: return nil
            // When a request without events was remembered is nowhere to be seen.
            case .alreadyAppended(let receipt) where receipt.firstPosition == nil: return nil
            case .appended, .alreadyAppended, .conflict, .claimTaken, .claimMissing:
                let earliest = bounds.appended(before: call.called)
                let latest = bounds.notAppended(at: call.returned)
                let from = runs.count { $0.last <= earliest }
                return (call, from...max(from, runs.count { $0.last < latest }))
            }
        }
    }
}

/// What is certain about the log at a moment of the book.
private struct Bounds {
    private let successes: [(returned: Int, position: Int64)]
    private let beginnings: [(called: Int, position: Int64)]

    init(_ round: Round) {
        successes = round.calls.compactMap { call in
            call.outcome.receipt.flatMap { receipt in receipt.firstPosition.map { _ in (call.returned, receipt.lastPosition) } }
        }
        let called = Dictionary(round.calls.map { ($0.request.command.id, $0.called) }, uniquingKeysWith: min)
        beginnings = round.runs.compactMap { run in called[run.command.id].map { ($0, run.first) } }
    }

    /// All up to this position was in the log before that moment.
    func appended(before moment: Int) -> Int64 {
        successes.reduce(0) { $1.returned < moment ? max($0, $1.position) : $0 }
    }

    /// This position was not in the log yet at that moment: what stands there was asked for later.
    func notAppended(at moment: Int) -> Int64 {
        beginnings.reduce(.max) { $1.called > moment ? min($0, $1.position) : $0 }
    }
}

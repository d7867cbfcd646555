import EventSourcing
import FoundationEssentials

/// Tells the model what the log says was appended, in the log's order, and holds every answer against it: each success must be allowed at its place,
/// and each other answer must be the right one at some moment between its call and its return.
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
            // When a request without events was remembered is nowhere to be seen. Nor is which of two calls it was that did it: one whose connection
            // was lost takes what the other appended for its own.
            case .alreadyAppended(let receipt) where receipt.firstPosition == nil: return nil
            case .appended where round.calls(of: call.request.command.id).count > 1: return nil
            case .appended, .alreadyAppended, .conflict, .claimTaken, .claimMissing:
                let earliest = bounds.appended(before: call.called)
                let latest = bounds.notAppended(at: call.returned)
                let from = runs.partitioningIndex { $0.last > earliest }
                return (call, from...max(from, runs.partitioningIndex { $0.last >= latest }))
            }
        }
    }
}

/// The facts that are certain about the log at a moment of the book.
private struct Bounds {
    /// When an answer came, and the highest position that was answered by then.
    private var answered: [(moment: Int, position: Int64)] = []
    /// When a request was first made, latest first, and the lowest position of those made then or later.
    private var asked: [(moment: Int, position: Int64)] = []

    init(_ round: Round) {
        for call in round.calls.sorted(by: { $0.returned < $1.returned }) {
            guard let receipt = call.outcome.receipt, receipt.firstPosition != nil else { continue }
            answered.append((call.returned, max(receipt.lastPosition, answered.last?.position ?? 0)))
        }
        let beginnings = round.runs.compactMap { run in round.calls(of: run.command.id).map(\.called).min().map { ($0, run.first) } }
        for (moment, position) in beginnings.sorted(by: { $0.0 > $1.0 }) {
            asked.append((moment, min(position, asked.last?.position ?? .max)))
        }
    }

    /// All up to this position was in the log before that moment.
    func appended(before moment: Int) -> Int64 {
        let index = answered.partitioningIndex { $0.moment >= moment }
        return index > 0 ? answered[index - 1].position : 0
    }

    /// This position was not in the log yet at that moment: what stands there was asked for later.
    func notAppended(at moment: Int) -> Int64 {
        let index = asked.partitioningIndex { $0.moment <= moment }
        return index > 0 ? asked[index - 1].position : .max
    }
}

extension Array {
    /// The index of the first element of which this is true, where it is so of all that follow.
    fileprivate func partitioningIndex(where isPast: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isPast(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

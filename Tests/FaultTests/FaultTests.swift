import EventLog
import EventSourcing
import Foundation
import Testing

@Suite(.serialized) struct `A log that sixty-four writers write to` {
    @Test(.timeLimit(.minutes(Seeds.isLong ? 240 : 30)), arguments: Fault.allCases)
    func `loses nothing, doubles nothing and keeps its order, while`(fault: Fault) async throws {
        try await LogUnderFire.with { log in
            var followed: [RecordedEvent] = []
            for seed in Seeds.rounds(fault == .none ? 1 : 2, long: fault == .none ? 10 : 100) {
                let result = try await log.round(fault, Load(requestsOfEach: Seeds.isLong ? 12 : 8), seed: seed)
                let round = result.round
                print("\(fault.testDescription): ANNALS_FAULT_SEED=\(seed), \(round.summary)")
                #expect(round.faults == [], "ANNALS_FAULT_SEED=\(seed)")
                // Only their places when they differ: two logs in full tell nobody anything.
                #expect(result.followed.differences(from: round.events) == [], "ANNALS_FAULT_SEED=\(seed)")
                #expect(try await log.unexplainedHolders(of: round, seed: seed) == [], "ANNALS_FAULT_SEED=\(seed)")
                #expect(try await log.wrongReceipts(of: round) == [], "ANNALS_FAULT_SEED=\(seed)")
                followed += result.followed
            }
            let events = try await log.events(after: 0)
            #expect(followed.differences(from: events) == [])
            #expect(events.count > 0)
        }
    }
}

extension [RecordedEvent] {
    /// The first few places where another log has something else, or only one of them has anything.
    fileprivate func differences(from other: [RecordedEvent]) -> [String] {
        (0..<Swift.max(count, other.count)).lazy
            .filter { !indices.contains($0) || !other.indices.contains($0) || self[$0] != other[$0] }
            .prefix(5).map { "place \($0) of \(count) and \(other.count)" }
    }
}

extension Round {
    /// The run in figures.
    fileprivate var summary: String {
        let appended = calls.count { if case .appended = $0.outcome { true } else { false } }
        let repeated = calls.count { if case .alreadyAppended = $0.outcome { true } else { false } }
        let again = calls.count { $0.tries > 1 }
        return "\(events.count) events, \(appended) appended, \(repeated) repeats, \(calls.count - appended - repeated) refused, \(again) sent again"
    }
}

extension LogUnderFire {
    /// Commands of which the log remembers something else than it answered. Those that appended nothing are nowhere else to be seen.
    fileprivate func wrongReceipts(of round: Round) async throws -> [String] {
        var wrong: [String] = []
        for (command, calls) in Dictionary(grouping: round.calls, by: \.request.command.id) {
            let stream = calls[0].request.appends[0].stream
            let receipt = try await patiently { try await reader.load(stream, after: 0, limit: 0, command: command).receipt }
            let answered = calls.compactMap(\.outcome.receipt).first
            if receipt != answered, answered != nil || !calls.contains(where: \.isOrphaned) {
                wrong.append("\(command): \(String(describing: receipt))")
            }
        }
        return wrong
    }

    /// Values that another stream holds than the log's events, told to the model, say.
    fileprivate func unexplainedHolders(of round: Round, seed: UInt64) async throws -> [String] {
        var model = LogModel(head: round.start)
        let requests = round.requests
        for run in round.runs { if let request = requests[run.command] { _ = model.append(request) } }
        var unexplained: [String] = []
        for kind in Ground.kinds {
            for value in Ground(seed: seed).values {
                let holder = try await patiently { try await reader.holder(of: kind, value: value) }
                if holder != model.holder(of: kind, value: value) {
                    unexplained.append("\(kind.rawValue) \(value): \(holder?.description ?? "free")")
                }
            }
        }
        return unexplained
    }
}

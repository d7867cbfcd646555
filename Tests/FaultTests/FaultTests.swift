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

import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import TestSupport
import Testing

/// In the long form alone: a primary that is gone is replaced after 20 seconds.
@Suite(.serialized, .timeLimit(.minutes(60)), .enabled(if: Seeds.isLong, "ANNALS_LONG_TESTS=1 runs it")) struct `A log on three machines` {
    private let load = Load(requestsOfEach: 20)

    @Test func `loses and doubles nothing when its primary is killed or hangs, and is back within half a minute by itself`() async throws {
        try await ReplicatedLog.with(.loopback) { log in
            for (number, seed) in Seeds.rounds(10, long: 10).enumerated() {
                let isKilled = number.isMultiple(of: 2)
                let primary = try #require(await log.cluster.primary())
                let result = try await log.round(load, seed: seed) { try await isKilled ? $0.kill() : $0.stop() }
                print(
                    "round \(number + 1), the primary \(isKilled ? "is killed" : "hangs"): ANNALS_FAULT_SEED=\(seed), \(result.round.summary), back after",
                    result.absences.map { "\(($0 / .milliseconds(100)).rounded() / 10) s" }.joined(separator: " and "))
                for absence in result.absences { #expect(absence < .seconds(30)) }
                // As the machine's operator starts it again, or its load ends.
                if isKilled { try primary.startPatroni() } else { primary.resume() }
                try await log.cluster.settles()
                try await log.check(result, seed: seed)
            }
            try await log.checkWhole()
        }
    }

    @Test func `stays one log when its network is cut`() async throws {
        try await ReplicatedLog.with(.namespaces) { log in
            for (number, seed) in Seeds.rounds(4, long: 4).enumerated() {
                let isPrimary = number.isMultiple(of: 2)
                let primary = try #require(await log.cluster.primary())
                let standby = try #require(await log.cluster.confirmingStandby())
                let cut = isPrimary ? primary : standby
                let result = try await log.round(load, seed: seed) { _ in
                    try cut.cut(true)
                    guard isPrimary else { return }
                    // Clients still reach it. It acknowledges nothing, and steps down.
                    await #expect(throws: EventStoreError.self) {
                        try await PostgresEventStore.running(on: cut.target("annals_log"), Noted.catalog) { old in
                            _ = try await old.append(
                                Noted.request([(StreamName("note", .v7()), .none, ["lost"])], claims: [], command: .init(id: .v7(), digest: [1])))
                        }
                    }
                    try await eventually(every: .milliseconds(100)) {
                        guard let other = await log.cluster.primary() else { return false }
                        return other.number != cut.number
                    }
                }
                print(
                    "round \(number + 1), \(isPrimary ? "the primary" : "the standby that confirms") is cut off: ANNALS_FAULT_SEED=\(seed), "
                        + "\(result.round.summary), back after",
                    result.absences.map { "\(($0 / .milliseconds(100)).rounded() / 10) s" }.joined(separator: " and "))
                try cut.cut(false)
                try await log.cluster.settles()
                try await log.check(result, seed: seed)
            }
            try await log.checkWhole()
        }
    }
}

extension ReplicatedLog {
    fileprivate func check(_ result: Result, seed: UInt64) async throws {
        #expect(result.round.faults == [], "ANNALS_FAULT_SEED=\(seed)")
        #expect(result.followed.differences(from: result.round.events) == [], "ANNALS_FAULT_SEED=\(seed)")
        #expect(try await unexplainedHolders(of: result.round, seed: seed) == [], "ANNALS_FAULT_SEED=\(seed)")
        #expect(try await wrongReceipts(of: result.round) == [], "ANNALS_FAULT_SEED=\(seed)")
        // Acknowledged events are still there when the former primary has come back.
        let kept = try await events(after: result.round.start)
        #expect(Array(kept.prefix(result.round.events.count)).differences(from: result.round.events) == [], "ANNALS_FAULT_SEED=\(seed)")
        let logs = try await logs()
        #expect(logs.count == 1, "ANNALS_FAULT_SEED=\(seed): \(logs)")
    }

    /// The whole log again, with what earlier rounds have left.
    fileprivate func checkWhole() async throws {
        let events = try await events(after: 0)
        #expect(events.map(\.position) == Array(1...Int64(events.count)))
        print("\(events.count) events on each of three machines, in one order")
    }
}

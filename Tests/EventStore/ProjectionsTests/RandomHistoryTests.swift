import EventSourcing
import FoundationEssentials
import Publishing
import TestSupport
import Testing

@testable import Projections

@Suite(.timeLimit(.minutes(15))) struct `Any history` {
    @Test(arguments: [UInt64.random(in: 0...UInt64.max), UInt64.random(in: 0...UInt64.max)])
    func `gives the rows that a fold of it gives, applied live and rebuilt`(seed: UInt64) async throws {
        print("seed \(seed)")
        let history = History(step: .milliseconds(731_113))
        try await history.tellAtRandom(1500, seed: seed)
        var fold = FoldedTables()
        for event in try await history.events() { try fold.fold(event) }
        let expected = fold.lines
        try await withReadDatabase { database in
            try await project(history.store, into: database) { try await $0.caughtUp() }
            let rows = try await database.lines(FoldedTables.query)
            #expect(Set(rows).symmetricDifference(expected) == [], "seed \(seed)")
            #expect(rows.count == expected.count, "seed \(seed)")
            for model in ["posts", "users", "view_counts", "trending"] {
                _ = try await database.maintenance(history.store).rebuild(.ofRepository(model), workers: 3)
            }
            let rebuilt = try await database.lines(FoldedTables.query)
            #expect(rebuilt.sorted() == rows.sorted(), "seed \(seed)")
        }
    }

    @Test(arguments: [UInt64.random(in: 0...UInt64.max)])
    func `gives the same rows in whatever order its streams are interleaved`(seed: UInt64) async throws {
        print("seed \(seed)")
        let history = History(step: .milliseconds(731_113))
        try await history.tellAtRandom(1000, seed: seed)
        let events = try await history.events()
        var random = SeededRandom(seed: seed)
        var results: [[String]] = []
        for order in [events, events.interleavedAnew(&random), events.interleavedAnew(&random)] {
            let store = AlteredLog(history.store) { page in page.map { order[Int($0.position) - 1] } }
            let everything = try await withReadDatabase { database in
                try await project(store, into: database) { try await $0.caughtUp() }
                return try await database.everything()
            }
            results.append(everything)
        }
        #expect(results[0].count > 100)
        #expect(results[1] == results[0], "seed \(seed)")
        #expect(results[2] == results[0], "seed \(seed)")
    }
}

extension [RecordedEvent] {
    /// The same events in another order that keeps each stream's own, with new positions.
    fileprivate func interleavedAnew(_ random: inout SeededRandom) -> [RecordedEvent] {
        var streams = Dictionary(grouping: self, by: \.stream).sorted { $0.key.description < $1.key.description }.map { $0.value[...] }
        var order: [RecordedEvent] = []
        while !streams.isEmpty {
            let index = Int.random(in: 0..<streams.count, using: &random)
            // Runs of one stream make an order far from the original one.
            for event in streams[index].prefix(Int.random(in: 1...5, using: &random)) {
                order.append(event.moved(to: Int64(order.count) + 1))
                streams[index].removeFirst()
            }
            if streams[index].isEmpty { streams.remove(at: index) }
        }
        return order
    }
}

extension RecordedEvent {
    fileprivate func moved(to position: Int64) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, version: version, id: id, type: type, schemaVersion: schemaVersion, data: data, metadata: metadata,
            recordedAt: recordedAt)
    }
}

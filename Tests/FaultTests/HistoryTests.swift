import AppendLines
import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import JSON
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Any history` {
    @Test(arguments: Seeds.rounds(3, long: 100)) func `told one by one, is answered by both stores as the model says`(seed: UInt64) async throws {
        print("ANNALS_FAULT_SEED=\(seed)")
        try await LogUnderTest.open(Noted.catalog) { log in
            let memory = InMemoryEventStore()
            var model = LogModel()
            let ground = Ground(seed: seed)
            var traffic = Traffic(on: ground, seed: seed, mayClaimSilently: true)
            for number in 0..<400 {
                let request = traffic.next()
                let expected = model.append(request)
                let outcomes = [try await memory.append(request), try await log.store.append(request)]
                #expect(outcomes.map(\.undated) == [expected, expected], "ANNALS_FAULT_SEED=\(seed), request \(number)")
                traffic.learn(expected)
            }
            for (kind, value) in Ground.kinds.flatMap({ kind in ground.values.map { (kind, $0) } }) {
                let holders = [try await memory.holder(of: kind, value: value), try await log.store.holder(of: kind, value: value)]
                #expect(holders == Array(repeating: model.holder(of: kind, value: value), count: 2), "ANNALS_FAULT_SEED=\(seed)")
            }
            let (told, stored) = (try await memory.read(after: 0, limit: .max), try await log.store.read(after: 0, limit: 100_000))
            #expect(stored.map(\.withoutChance) == told.map(\.withoutChance), "ANNALS_FAULT_SEED=\(seed)")
            #expect(Int64(stored.count) == model.head, "ANNALS_FAULT_SEED=\(seed)")
        }
    }

    @Test(arguments: Seeds.rounds(3, long: 100)) func `told all at once to two stores on one database, has an order that explains it`(seed: UInt64)
        async throws
    {
        print("ANNALS_FAULT_SEED=\(seed)")
        try await LogUnderTest.open(Noted.catalog) { log in
            try await log.another { other in
                let book = Book()
                try await Load(writers: 24, requestsOfEach: 20).write(by: [log.store, other.store], seed: seed, into: book)
                let round = Round(start: 0, calls: book.calls, events: try await log.store.read(after: 0, limit: 100_000))
                #expect(round.faults == [], "ANNALS_FAULT_SEED=\(seed)")
            }
        }
    }

    @Test(arguments: Seeds.rounds(3, long: 100)) func `told all at once to the store in memory, has an order that explains it`(seed: UInt64)
        async throws
    {
        print("ANNALS_FAULT_SEED=\(seed)")
        let (book, memory) = (Book(), InMemoryEventStore())
        try await Load(writers: 24, requestsOfEach: 20).write(by: [memory], seed: seed, into: book)
        let round = Round(start: 0, calls: book.calls, events: try await memory.read(after: 0, limit: .max))
        #expect(round.faults == [], "ANNALS_FAULT_SEED=\(seed)")
    }
}

extension RecordedEvent {
    /// All that two stores must agree on.
    fileprivate var withoutChance: [String] {
        [
            "\(position)", "\(stream)", "\(version)", type, "\(schemaVersion)", JSONValue.object(data).serialized,
            JSONValue.object(metadata.json).serialized,
        ]
    }
}

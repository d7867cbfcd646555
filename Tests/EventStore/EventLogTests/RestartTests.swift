import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A subscription whose server is restarted` {
    @Test func `goes on by itself, and neither misses nor repeats anything`() async throws {
        let writers = 4
        let each = 25
        try await RestartableServer.with { server in
            try await LogUnderTest.open(EventCatalog([EventSchema("Noted", in: "contract", [.open("note", .text)])]), on: server) { log in
                // Its poll stands still: after each restart only a listener that is there again can tell it of the rest.
                try await log.another(clock: StoppedClock()) { other in
                    let total = Int64(writers * each)
                    try await withThrowingTaskGroup(of: [Int64].self) { group in
                        group.addTask {
                            var positions: [Int64] = []
                            for try await page in other.store.subscribe(after: 0, pageSize: 7) {
                                positions += page.map(\.position)
                                if positions.last == total { break }
                            }
                            return positions
                        }
                        for _ in 0..<writers {
                            group.addTask {
                                for _ in 0..<each { try await Self.append(to: log.store) }
                                return []
                            }
                        }
                        for mark in [total / 4, total / 2] {
                            try await eventually { try await Self.head(of: log.store) >= mark }
                            try await server.crash()
                        }
                        let positions = try await group.reduce([], +)
                        #expect(positions == Array(1...total))
                    }
                }
            }
        }
    }

    /// Repeats what the log could not answer, by the same command.
    private static func append(to store: PostgresEventStore) async throws {
        let request = EventStoreContract.request(to: EventStoreContract.stream())
        while true {
            do {
                _ = try await store.append(request)
                return
            } catch EventStoreError.unavailable {
                try Task.checkCancellation()
            } catch EventStoreError.outcomeUnknown {
                try Task.checkCancellation()
            }
        }
    }

    private static func head(of store: PostgresEventStore) async throws -> Int64 {
        while true {
            do {
                return try await store.head()
            } catch EventStoreError.unavailable {
                try Task.checkCancellation()
            }
        }
    }
}

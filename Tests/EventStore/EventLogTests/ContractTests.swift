import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import Testing

@Suite(.timeLimit(.minutes(15))) struct `The log on PostgreSQL` {
    @Test(arguments: EventStoreContract.promises) func `keeps the contract of every event store`(promise: EventStorePromise) async throws {
        try await LogUnderTest.with { log in try await promise.check(of: log.store) }
    }

    @Test func `leaves out of a category what stands elsewhere, though its type is of that category`() async throws {
        try await LogUnderTest.with { log async throws in
            _ = try await log.store.append(EventStoreContract.request(["a", "b", "c"], to: EventStoreContract.stream()))
            try await log.run(
                """
                INSERT INTO log.events
                SELECT position + 3, 'archive-01980000-0000-7000-8000-000000000000', version, id, type, 1, data, metadata, recorded_at FROM log.events;
                INSERT INTO log.events
                SELECT position + 6, 'contract-01980000-0000-7000-8000-000000000000', version, id, type, 1, data, metadata, recorded_at
                FROM log.events WHERE position <= 3;
                """)
            for pageSize in 1...4 {
                var positions: [Int64] = []
                for try await page in log.store.pages(of: LogRead(EventFilter(category: "contract")), pageSize: pageSize) {
                    positions += page.map(\.position)
                }
                #expect(positions == [1, 2, 3, 7, 8, 9])
            }
        }
    }
}

import EventLog
import EventLogTesting
import EventSourcing
import LogContract
import Testing

@Suite struct `The log on PostgreSQL` {
    @Test(arguments: EventStoreContract.promises) func `keeps the contract of every event store`(promise: EventStorePromise) async throws {
        try await LogUnderTest.with { log in try await promise.check(of: log.store) }
    }

    @Test func `refuses a request that names one stream twice`() async throws {
        try await LogUnderTest.with { log async throws in
            let stream = EventStoreContract.stream()
            let append = StreamAppend(EventStoreContract.notes(["a"]), to: stream, expecting: .any, sealedFor: nil)
            let key = CommandReceipt.Key.unrepeated()
            await #expect(throws: EventStoreError.self) {
                try await log.store.append(AppendRequest([append, append], claims: [], command: key, metadata: EventMetadata(command: key.id)))
            }
            let head = try await log.store.head()
            #expect(head == 0)
        }
    }
}

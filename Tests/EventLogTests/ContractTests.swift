import EventLog
import EventLogTesting
import EventSourcing
import LogContract
import Testing

@Suite struct `The log on PostgreSQL` {
    @Test(arguments: EventStoreContract.promises) func `keeps the contract of every event store`(promise: EventStorePromise) async throws {
        try await LogUnderTest.with { log in try await promise.check(of: log.store) }
    }
}

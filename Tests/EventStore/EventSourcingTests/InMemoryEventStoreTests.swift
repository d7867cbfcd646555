import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(15))) struct `The event store in memory` {
    @Test(arguments: EventStoreContract.promises) func `keeps the contract`(promise: EventStorePromise) async throws {
        try await promise.check(of: InMemoryEventStore())
    }

    @Test func `never dates an event before the one before`() async throws {
        let times = Mutex<[Int64]>([50, 40, 60])
        let store = InMemoryEventStore(clock: { Timestamp(milliseconds: times.withLock { $0.removeFirst() }) })
        for _ in 0..<3 { _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream())) }
        #expect(try await store.read(after: 0, limit: 9).map(\.recordedAt.milliseconds) == [50, 50, 60])
    }

    @Test func `ends a subscription that is cancelled while it waits`() async throws {
        let store = InMemoryEventStore()
        let page = try await withThrowingTaskGroup(of: [RecordedEvent]?.self) { group in
            group.addTask {
                var pages = store.subscribe(after: 0).makeAsyncIterator()
                return try await pages.next()
            }
            group.cancelAll()
            return try await group.next() ?? nil
        }
        #expect(page == nil)
    }

    @Test func `refuses a request about nothing`() async {
        let request = AppendRequest([], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7()))
        await #expect(throws: EventStoreError.self) { try await InMemoryEventStore().append(request) }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A subscription` {
    @Test func `stops at a gap`() async throws {
        let store = GappedEventStore(whole: InMemoryEventStore())
        for _ in 0..<3 { _ = try await store.append(EventStoreContract.request(to: EventStoreContract.stream())) }
        var pages = store.subscribe(after: 0).makeAsyncIterator()
        await #expect(throws: EventStoreError.self) { try await pages.next() }
    }
}

/// A log that shows a reader its second event as missing: what must never be, and must be noticed.
private struct GappedEventStore: EventStore {
    let whole: InMemoryEventStore

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await whole.append(request) }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await whole.load(stream, after: version, limit: limit, command: command)
    }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        try await whole.read(after: position, limit: limit).filter { $0.position != 2 }
    }

    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await whole.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await whole.read(part, limit: limit) }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await whole.holder(of: kind, value: value) }

    func head() async throws -> Int64 { try await whole.head() }

    func waitForEvents(after position: Int64) async throws { try await whole.waitForEvents(after: position) }
}

import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A subscription whose log goes away` {
    private let log = InMemoryEventStore()

    private func append(_ count: Int, to store: InMemoryEventStore) async throws {
        let append = StreamAppend(
            (0..<count).map { _ in AccountRules.encode(.moved(1)) }, to: StreamName(AccountRules.category, .v7()), expecting: .none, sealedFor: nil)
        let key = CommandReceipt.Key.unrepeated()
        _ = try await store.append(AppendRequest([append], claims: [], command: key, metadata: EventMetadata(command: key.id)))
    }

    @Test func `goes on where it was once the log is back`() async throws {
        try await append(5, to: log)
        let store = SwitchedEventStore(log)
        let clock = ManualClock()
        let reasons = Mutex<[String]>([])
        var pages = store.subscribe(after: 0, pageSize: 2, clock: clock) { reason in reasons.withLock { $0.append(reason) } }.makeAsyncIterator()
        var positions: [Int64] = []
        for failures in [0, 1, 7] {
            store.fail(failures)
            positions += try #require(try await pages.next()).map(\.position)
        }
        #expect(positions == [1, 2, 3, 4, 5])
        #expect(reasons.withLock { $0 } == Array(repeating: "away", count: 8))
        // Longer and longer, and never more than a second.
        #expect(clock.sleeps.count == 8)
        #expect(clock.sleeps.allSatisfy { $0 <= .seconds(1) })
        #expect(clock.sleeps[0] <= .milliseconds(50) && clock.sleeps[7] >= .milliseconds(500))
    }

    @Test func `goes on when it was waiting`() async throws {
        let store = SwitchedEventStore(log)
        try await withThrowingTaskGroup(of: [Int64].self) { group in
            // The read finds nothing, and then the wait fails.
            store.fail(1, after: 1)
            group.addTask { [clock = ManualClock()] in
                var pages = store.subscribe(after: 0, clock: clock).makeAsyncIterator()
                let positions = try await pages.next()?.map(\.position) ?? []
                #expect(clock.sleeps.count == 1)
                return positions
            }
            try await eventually { !store.isFailing }
            try await append(1, to: log)
            for try await positions in group { #expect(positions == [1]) }
        }
    }

    @Test(arguments: [1, 2, 3], [EventFilter.everything, EventFilter(category: AccountRules.category)])
    func `stops when another log comes back, however long that is`(count: Int, filter: EventFilter) async throws {
        try await append(2, to: log)
        let store = SwitchedEventStore(log)
        var pages = store.subscribe(after: 0, to: filter, clock: ManualClock()).makeAsyncIterator()
        #expect(try await pages.next()?.count == 2)
        let restored = InMemoryEventStore()
        try await append(count, to: restored)
        store.switch(to: restored)
        // Even when the log was never seen to be away.
        if count > 1 { store.fail(1) }
        await #expect(throws: EventStoreError.self) { try await pages.next() }
    }

    @Test func `ends with what its caller throws while the log is away`() async throws {
        let store = SwitchedEventStore(log)
        store.fail(1)
        var pages = store.subscribe(after: 0) { throw EventStoreError.unavailable(reason: $0) }.makeAsyncIterator()
        await #expect(throws: EventStoreError.self) { try await pages.next() }
        #expect(!store.isFailing)
    }

    @Test func `knows the log by the event it starts after`() async throws {
        try await append(1, to: log)
        let store = SwitchedEventStore(log)
        let last = try await log.read(after: 0, limit: 1)[0].id
        var good = store.subscribe(after: 1, lastEvent: last, clock: ManualClock()).makeAsyncIterator()
        var bad = store.subscribe(after: 1, lastEvent: .v7(), clock: ManualClock()).makeAsyncIterator()
        try await append(1, to: log)
        store.fail(1)
        #expect(try await good.next()?.map(\.position) == [2])
        store.fail(1)
        await #expect(throws: EventStoreError.self) { try await bad.next() }
    }

    @Test func `ends when nobody wants it any more`() async throws {
        let store = SwitchedEventStore(log)
        store.fail(.max)
        let pages = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                var count = 0
                for try await _ in store.subscribe(after: 0) { count += 1 }
                return count
            }
            group.cancelAll()
            return try await group.next()
        }
        #expect(pages == 0)
    }
}

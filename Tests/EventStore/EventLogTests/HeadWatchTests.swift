import EventLogTesting
import EventSourcing
import EventStoreTesting
import Postgres
import TestSupport
import Testing

@testable import EventLog

@Suite(.timeLimit(.minutes(15))) struct `The pace of the shared poll` {
    @Test func `is quick, then half as quick each time in vain, down to once a second`() {
        var pace = PollPace.searching
        var pauses: [Duration] = []
        for _ in 0..<10 {
            pauses.append(pace.pause)
            pace.polled(foundNews: false)
        }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000].map { .milliseconds($0) })
    }

    @Test func `is quick again after news, and when somebody waits after nobody did`() {
        for quicken in [{ $0.polled(foundNews: true) }, { $0.start() }] as [(inout PollPace) -> Void] {
            var pace = PollPace.searching
            for _ in 0..<10 { pace.polled(foundNews: false) }
            quicken(&pace)
            #expect(pace.pause == .milliseconds(5))
        }
    }

    @Test func `is steady where notifications come`() {
        var pace = PollPace.steady
        #expect(pace.pause == .seconds(1))
        pace.polled(foundNews: true)
        #expect(pace.pause == .seconds(1))
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A head that can't be listened to` {
    @Test func `is asked for by one for all, and by none while nobody waits`() async throws {
        try await withHead { head, clock in
            try await withThrowingTaskGroup(of: Void.self) { waiters async throws in
                for _ in 0..<20 { waiters.addTask { try await head.wait(past: 0) } }
                try await eventually { clock.sleeps.count >= 12 }
                // Twenty polls would have mixed their pauses.
                #expect(clock.sleeps[..<10] == ArraySlice([5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000].map { Duration.milliseconds($0) }))
                head.advance(to: 1)
                try await waiters.waitForAll()
            }
            try await eventually { !head.isPolling }
            let count = clock.sleeps.count
            try await withThrowingTaskGroup(of: Void.self) { waiters async throws in
                // Past what was told above, which the database does not have: whoever had seen that would be woken.
                waiters.addTask { try await head.wait(past: 2) }
                try await eventually { clock.sleeps.count >= count + 3 }
                #expect(clock.sleeps[count..<count + 3] == [.milliseconds(5), .milliseconds(10), .milliseconds(20)])
                waiters.cancelAll()
            }
        }
    }

    @Test func `still tells of what another process appends`() async throws {
        try await LogUnderTest.with { log in
            try await log.another(listening: false) { other in
                try await withThrowingTaskGroup(of: [Int64].self) { group in
                    group.addTask {
                        var positions: [Int64] = []
                        for try await page in other.store.subscribe(after: 0) {
                            positions += page.map(\.position)
                            if positions.count >= 20 { break }
                        }
                        return positions
                    }
                    for _ in 0..<20 { _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream())) }
                    for try await positions in group { #expect(positions == Array(1...20)) }
                }
            }
        }
    }

    private func withHead(_ body: @Sendable (HeadWatch, ManualClock) async throws -> Void) async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                let clock = ManualClock()
                let head = HeadWatch(pool, direct: nil, clock: clock, logger: TestCluster.logger)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await head.run() }
                    defer { group.cancelAll() }
                    try await body(head, clock)
                }
            }
        }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A head that is listened to` {
    @Test func `tells of another process's append without any poll`() async throws {
        try await LogUnderTest.with { log in
            try await log.another(clock: StoppedClock()) { other in
                for position in Int64(0)..<5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await other.store.waitForEvents(after: position) }
                        _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
                        try await group.waitForAll()
                    }
                }
            }
        }
    }

    @Test func `wakes whoever has seen more than there is`() async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                let head = HeadWatch(pool, direct: nil, logger: TestCluster.logger)
                head.advance(to: 5)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await head.wait(past: 5) }
                    // Again and again, since the waiter may come late.
                    group.addTask {
                        while !Task.isCancelled {
                            head.correct(5, to: 2)
                            head.advance(to: 5)
                            await Task.yield()
                        }
                    }
                    try await group.next()
                    group.cancelAll()
                }
                #expect(!Task.isCancelled)
            }
        }
    }

    @Test func `is corrected when nothing is where it was said to be`() async throws {
        try await TestCluster.withDatabase(migrations: repositoryRoot + "/migrations/log") { target in
            try await ConnectionPool.withPool(target, limits: .patient, logger: TestCluster.logger) { pool in
                let head = HeadWatch(pool, direct: nil, logger: TestCluster.logger)
                let store = PostgresEventStore(pool, head: head, vault: nil, hasher: nil, catalog: EventCatalog([]), logger: TestCluster.logger)
                head.advance(to: 1000)
                _ = try await store.read(after: 2000, limit: 10)
                #expect(head.known == 1000)
                _ = try await store.read(after: 7, limit: 0)
                #expect(head.known == 1000)
                _ = try await store.read(after: 7, limit: 10)
                #expect(head.known == 7)
                #expect(try await store.head() == 0)
                #expect(head.known == 0)
            }
        }
    }
}

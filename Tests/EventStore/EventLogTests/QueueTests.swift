import EventLog
import EventLogTesting
import EventSourcing
import EventStoreTesting
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(15))) struct `Appends that wait to be sent` {
    private enum Ending: Equatable {
        case appended(StreamName)
        case refused
        case withdrawn(StreamName)
        /// It was sent already.
        case unknown(StreamName)
    }

    /// A request of these tests is counted with more than 256 bytes and fewer than 1024.
    @Test(arguments: [(requests: 8, bytes: Int.max), (requests: .max, bytes: 8 << 10)])
    func `are refused at once when there are too many, and are not sent when they are cancelled`(bound: (requests: Int, bytes: Int)) async throws {
        var limits = AppendLimits()
        limits.batchRequests = 1
        limits.waitingRequests = bound.requests
        limits.waitingBytes = bound.bytes
        try await LogUnderTest.with(limits: limits) { log in
            let endings = try await withThrowingTaskGroup(of: Ending.self) { group in
                let first = try await AppendLock.held(in: log.owner) { lock in
                    group.addTask { try await Self.append(to: log.store) }
                    try await lock.waitForAppends(1)
                    for _ in 0..<64 { group.addTask { try await Self.append(to: log.store) } }
                    // None can be appended yet: what has ended was refused without waiting for those before it.
                    let first = try await group.next()
                    group.cancelAll()
                    return first
                }
                #expect(first == .refused)
                return try await group.reduce(into: [.refused]) { $0.append($1) }
            }
            let appended = endings.compactMap { if case .appended(let stream) = $0 { stream } else { nil } }
            let withdrawn = endings.compactMap { if case .withdrawn(let stream) = $0 { stream } else { nil } }
            let unknown = endings.compactMap { if case .unknown(let stream) = $0 { stream } else { nil } }
            // The places of those withdrawn are free again. It comes after all that were sent.
            #expect(try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream())).appended != nil)
            let streams = try await log.store.read(after: 0, limit: 100).map(\.stream).dropLast()
            #expect(!streams.isEmpty)
            #expect(Set(streams) == Set(appended + unknown))
            #expect(streams.count == appended.count + unknown.count)
            // Eight waited when the first was refused. How many of them a store has sent by the time they are cancelled varies.
            #expect(streams.count + withdrawn.count >= 8)
            #expect(!withdrawn.isEmpty)
        }
    }

    private static func append(to store: PostgresEventStore) async throws -> Ending {
        let stream = EventStoreContract.stream()
        do {
            let outcome = try await store.append(EventStoreContract.request(to: stream, expecting: .none))
            #expect(outcome.appended != nil)
            return .appended(stream)
        } catch EventStoreError.unavailable {
            return .refused
        } catch is CancellationError {
            return .withdrawn(stream)
        } catch EventStoreError.outcomeUnknown {
            return .unknown(stream)
        }
    }

    @Test func `and whose server is gone have an unknown outcome`() async throws {
        var limits = AppendLimits()
        limits.retryFor = .zero
        try await LogUnderTest.with(limits: limits) { log in
            try await withThrowingTaskGroup(of: Ending.self) { group in
                try await AppendLock.held(in: log.owner) { lock in
                    group.addTask { try await Self.append(to: log.store) }
                    try await lock.waitForAppends(1)
                    try await log.run(
                        """
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'
                        """)
                    guard case .unknown? = try await group.next() else {
                        Issue.record("the append has another ending")
                        return
                    }
                }
            }
        }
    }

    @Test func `are not sent for a task that is cancelled already`() async throws {
        try await LogUnderTest.with { log in
            let cancelled = try await withThrowingTaskGroup(of: Bool.self) { group in
                group.cancelAll()
                group.addTask {
                    do {
                        _ = try await log.store.append(EventStoreContract.request(to: EventStoreContract.stream()))
                        return false
                    } catch is CancellationError {
                        return true
                    }
                }
                return try await group.next()
            }
            #expect(cancelled == true)
            #expect(try await log.store.head() == 0)
        }
    }

    @Test func `end their wait when they are cancelled after they were sent, and are appended all the same`() async throws {
        try await LogUnderTest.with { log in
            let request = EventStoreContract.request(to: EventStoreContract.stream())
            try await AppendLock.held(in: log.owner) { lock in
                try await withThrowingTaskGroup(of: Bool.self) { group async throws in
                    group.addTask { try await log.losesOutcome(of: request) }
                    try await lock.waitForAppends(1)
                    group.cancelAll()
                    // The lock is held still.
                    #expect(try await group.next() == true)
                }
            }
            guard case .alreadyAppended(let receipt) = try await log.store.append(request) else {
                Issue.record("the repeat was taken for another request")
                return
            }
            #expect(receipt.lastPosition == 1)
            #expect(try await log.store.head() == 1)
        }
    }

    @Test func `wake readers of the same process although nobody waits for their outcome`() async throws {
        try await LogUnderTest.with { log in
            try await log.another(listening: false, clock: StoppedClock()) { other in
                let request = EventStoreContract.request(to: EventStoreContract.stream())
                try await withThrowingTaskGroup(of: Void.self) { group async throws in
                    group.addTask { try await other.store.waitForEvents(after: 0) }
                    try await AppendLock.held(in: log.owner) { lock in
                        await withThrowingTaskGroup(of: Void.self) { appends in
                            appends.addTask { _ = try await other.store.append(request) }
                            try? await lock.waitForAppends(1)
                            appends.cancelAll()
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }
}

import EventStoreTesting
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import EventSourcing

private typealias Handler = CommandHandler<AccountRules>

private func call(_ key: CommandReceipt.Key? = nil, at expected: StreamExpectation = .any) -> CommandContext {
    let used = key ?? .unrepeated()
    return CommandContext(key: used, isRepeatable: key != nil, metadata: EventMetadata(command: used.id), expected: expected)
}

private func account() -> StreamName { StreamName(AccountRules.category, .v7()) }

/// Deposits of one in one append.
private func deposit(_ count: Int, into stream: StreamName, in store: any EventStore) async throws {
    let append = StreamAppend(
        Array(repeating: AccountRules.encode(.moved(1)), count: count), to: stream, expecting: .any, sealedFor: nil)
    let key = CommandReceipt.Key.unrepeated()
    _ = try await store.append(AppendRequest([append], claims: [], command: key, metadata: EventMetadata(command: key.id)))
}

@Suite(.timeLimit(.minutes(15))) struct `A command on a stream that is cached` {
    private let log = InMemoryEventStore()
    private let cache = StateCache<AccountRules>()
    private let stream = account()

    @Test func `reads on from the last event that was read`() async throws {
        let store = SwitchedEventStore(log)
        let handler = Handler(store: store, cache: cache)
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(40, into: stream, in: log)
        _ = try await handler.handle(.deposit(5), on: stream, in: call())
        _ = store.takeLoads()
        // The 41 events read before, of which the last is read again, and the deposit of five.
        #expect(try await handler.handle(.withdraw(45), on: stream, in: call()).state == .open(balance: 0))
        #expect(store.takeLoads() == [.init(after: 40, limit: 1000, count: 2)])
        #expect(cache.statistics.hits == 1 && cache.statistics.misses == 2)
    }

    @Test func `reads a long one a page at a time, and once`() async throws {
        let store = SwitchedEventStore(log)
        let handler = Handler(store: store, cache: cache)
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(2500, into: stream, in: log)
        _ = store.takeLoads()
        #expect(try await handler.handle(.deposit(0), on: stream, in: call()).state == .open(balance: 2500))
        let loads = store.takeLoads()
        #expect(loads.map(\.after) == [0, 999, 1998])
        #expect(loads.allSatisfy { $0.limit == 1000 })
        #expect(try await handler.handle(.deposit(0), on: stream, in: call()).version == 2501)
        #expect(store.takeLoads() == [.init(after: 2500, limit: 1000, count: 1)])
    }

    @Test(arguments: [999, 1000, 1001, 1998, 1999, 2000]) func `ends right where pages end`(count: Int) async throws {
        let handler = Handler(store: log)
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(count - 1, into: stream, in: log)
        let key = CommandReceipt.Key(id: .v7(), digest: [1])
        #expect(try await handler.handle(.deposit(7), on: stream, in: call(key)).version == count + 1)
        try await deposit(1, into: stream, in: log)
        let again = try await handler.handle(.deposit(7), on: stream, in: call(key))
        #expect(again.isReplay && again.version == count + 1 && again.state == .open(balance: Int64(count) + 6))
    }

    @Test func `is answered again as it was, from the cached state too`() async throws {
        let store = SwitchedEventStore(log)
        let handler = Handler(store: store, cache: cache)
        let key = CommandReceipt.Key(id: .v7(), digest: [1])
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(100, into: stream, in: log)
        let first = try await handler.handle(.deposit(5), on: stream, in: call(key))
        _ = store.takeLoads()
        let again = try await handler.handle(.deposit(5), on: stream, in: call(key))
        #expect(again.isReplay && again.state == first.state && again.version == first.version && again.createdAt == first.createdAt)
        #expect(store.takeLoads().allSatisfy { $0.after == 100 })
        // Now the cache is ahead of what is asked for.
        _ = try await handler.handle(.withdraw(105), on: stream, in: call())
        _ = try await handler.handle(.deposit(0), on: stream, in: call())
        #expect(try await handler.handle(.deposit(5), on: stream, in: call(key)).state == .open(balance: 105))
    }

    @Test func `finds its own earlier try, even when that came between two pages`() async throws {
        let key = CommandReceipt.Key(id: .v7(), digest: [1])
        let stream = stream
        let log = log
        let plain = Handler(store: log)
        _ = try await plain.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(1999, into: stream, in: log)
        let store = BetweenPages(store: log) { _ = try await plain.handle(.close, on: stream, in: call(key, at: .oneOf([2000]))) }
        let handled = try await Handler(store: store).handle(.close, on: stream, in: call(key, at: .oneOf([2000])))
        #expect(handled.isReplay && handled.state == .closed)
    }
}

/// Lets something happen after the first load.
private struct BetweenPages: EventStore {
    let store: InMemoryEventStore
    private let then: @Sendable () async throws -> Void
    private let isFirst = Once()

    private final class Once: Sendable {
        private let isDone = Mutex(false)
        func take() -> Bool {
            isDone.withLock { isDone in
                defer { isDone = true }
                return !isDone
            }
        }
    }

    init(store: InMemoryEventStore, _ then: @escaping @Sendable () async throws -> Void) {
        self.store = store
        self.then = then
    }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        let loaded = try await store.load(stream, after: version, limit: limit, command: command)
        if isFirst.take() { try await then() }
        return loaded
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { try await store.read(after: position, limit: limit) }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func head() async throws -> Int64 { try await store.head() }
    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

@Suite(.timeLimit(.minutes(15))) struct `A cached stream whose log was restored to an older state` {
    private let old = InMemoryEventStore()
    private let cache = StateCache<AccountRules>()
    private let stream = account()

    /// A handler that has cached the stream with a balance of `cached` at version 3, and now meets a log where it has these events.
    private func handler(meeting events: [AccountRules.Event]) async throws -> Handler {
        let store = SwitchedEventStore(old)
        let handler = Handler(store: store, cache: cache)
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        try await deposit(2, into: stream, in: old)
        _ = try await handler.handle(.deposit(0), on: stream, in: call())
        #expect(cache.statistics.entries == 1)
        let restored = InMemoryEventStore()
        if !events.isEmpty {
            let append = StreamAppend(events.map(AccountRules.encode), to: stream, expecting: .none, sealedFor: nil)
            let key = CommandReceipt.Key.unrepeated()
            _ = try await restored.append(AppendRequest([append], claims: [], command: key, metadata: EventMetadata(command: key.id)))
        }
        store.switch(to: restored)
        return handler
    }

    /// Fewer events, as many, and more than were cached.
    static let histories: [[AccountRules.Event]] = [
        [.opened(owner: "ann")], [.opened(owner: "ann"), .moved(10), .moved(10)], [.opened(owner: "ann"), .moved(10), .moved(10), .moved(10)],
    ]

    @Test(arguments: histories) func `answers a command that changes nothing with what is there`(history: [AccountRules.Event]) async throws {
        let handled = try await handler(meeting: history).handle(.deposit(0), on: stream, in: call())
        #expect(handled.version == history.count)
        #expect(handled.state == .open(balance: Int64(history.count - 1) * 10))
    }

    @Test(arguments: histories) func `is decided on what is there`(history: [AccountRules.Event]) async throws {
        let balance = Int64(history.count - 1) * 10
        let handler = try await handler(meeting: history)
        await #expect(throws: AccountRules.Refusal.overdrawn(by: 1)) { try await handler.handle(.withdraw(balance + 1), on: stream, in: call()) }
        let handled = try await handler.handle(.deposit(1), on: stream, in: call(at: .oneOf([history.count])))
        #expect(handled.state == .open(balance: balance + 1))
    }

    @Test func `is no stream when the log has none`() async throws {
        let handler = try await handler(meeting: [])
        await #expect(throws: AccountRules.Refusal.notOpen) { try await handler.handle(.deposit(0), on: stream, in: call()) }
        #expect(cache.statistics.entries == 0)
    }
}

@Suite(.timeLimit(.minutes(15))) struct `Handlers with caches of their own on one log` {
    /// The outcome of one command, in a form to compare.
    private enum Outcome: Equatable {
        case handled(AccountRules.State, version: Int, isReplay: Bool)
        case refused(AccountRules.Refusal)
        case failed(CommandFailure)
    }

    private static func outcome(_ body: () async throws -> CommandResult<AccountRules>) async throws -> Outcome {
        do {
            let handled = try await body()
            return .handled(handled.state, version: handled.version, isReplay: handled.isReplay)
        } catch let refusal as AccountRules.Refusal {
            return .refused(refusal)
        } catch let failure as CommandFailure {
            return .failed(failure)
        }
    }

    @Test(arguments: (0..<20).map { _ in UInt64.random(in: .min ... .max) }) func `decide as one without a cache does`(seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        var limits = StateCacheLimits()
        // So tight that entries come and go.
        limits.entries = 3
        let shared = InMemoryEventStore()
        let cached = [Handler(store: shared, cache: StateCache(limits: limits)), Handler(store: shared, cache: StateCache(limits: limits))]
        let plain = Handler(store: InMemoryEventStore())
        let streams = (0..<5).map { _ in account() }
        var keys: [CommandReceipt.Key] = []
        for step in 0..<200 {
            let stream = streams[Int.random(in: 0..<5, using: &random)]
            let command: AccountRules.Command
            switch Int.random(in: 0..<20, using: &random) {
            case 0...1: command = .open(owner: "owner \(Int.random(in: 0..<6, using: &random))")
            case 2: command = .close
            case 3...11: command = .deposit(Int64.random(in: 0..<4, using: &random))
            default: command = .withdraw(Int64.random(in: 0..<4, using: &random))
            }
            var key: CommandReceipt.Key?
            if Bool.random(using: &random) {
                let used = keys.randomElement(using: &random) ?? CommandReceipt.Key(id: .v7(), digest: [UInt8(step % 3)])
                key = Bool.random(using: &random) ? used : CommandReceipt.Key(id: .v7(), digest: [UInt8(step % 3)])
                if let key { keys.append(key) }
            }
            let expected: StreamExpectation = [.any, .any, .any, .new, .oneOf([Int.random(in: 0..<10, using: &random)])][
                Int.random(in: 0..<5, using: &random)]
            let handler = cached[Int.random(in: 0..<2, using: &random)]
            let first = try await Self.outcome { try await handler.handle(command, on: stream, in: call(key, at: expected)) }
            let second = try await Self.outcome { try await plain.handle(command, on: stream, in: call(key, at: expected)) }
            #expect(first == second, "seed \(seed), step \(step): \(command) on \(stream), expecting \(expected)")
        }
        for stream in streams {
            let mine = try await shared.load(stream).events.map(AccountRules.decode)
            let theirs = try await plain.store.load(stream).events.map(AccountRules.decode)
            #expect(mine == theirs, "seed \(seed)")
        }
    }

    @Test func `lose no deposit when they race`() async throws {
        let log = InMemoryEventStore()
        let stream = account()
        let handlers = (0..<4).map { _ in Handler(store: log, cache: StateCache()) }
        _ = try await handlers[0].handle(.open(owner: "ann"), on: stream, in: call())
        let deposited = try await withThrowingTaskGroup(of: Int64.self) { group in
            for handler in handlers {
                group.addTask {
                    var sum: Int64 = 0
                    for _ in 0..<25 {
                        do {
                            _ = try await handler.handle(.deposit(1), on: stream, in: call())
                            sum += 1
                        } catch CommandFailure.contended {
                            continue
                        }
                    }
                    return sum
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(try await handlers[1].handle(.deposit(0), on: stream, in: call()).state == .open(balance: deposited))
    }
}

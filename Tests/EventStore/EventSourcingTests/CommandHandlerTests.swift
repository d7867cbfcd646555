import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Testing

private typealias Handler = CommandHandler<AccountRules>

private func call(
    _ key: CommandReceipt.Key? = nil, at expected: StreamExpectation = .any, requiring requirements: [ClaimChange] = []
) -> CommandContext {
    let used = key ?? .unrepeated()
    return CommandContext(
        key: used, isRepeatable: key != nil, metadata: EventMetadata(command: used.id), expected: expected, claims: requirements)
}

private func account() -> StreamName { StreamName(AccountRules.category, .v7()) }

@Suite(.timeLimit(.minutes(15))) struct `A command` {
    private let store = InMemoryEventStore()
    private let stream = account()
    private var handler: Handler { Handler(store: store) }

    @Test func `on a new stream starts it`() async throws {
        for expected in [StreamExpectation.any, .new] {
            let stream = account()
            let handled = try await handler.handle(.open(owner: stream.description), on: stream, in: call(at: expected))
            #expect(handled.state == .open(balance: 0))
            #expect(handled.version == 1)
            #expect(!handled.isReplay)
            #expect(handled.createdAt == handled.updatedAt)
            #expect(handled.position == (try await store.head()))
        }
    }

    @Test func `on an existing stream is decided on all that happened`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        _ = try await handler.handle(.deposit(5), on: stream, in: call())
        let handled = try await handler.handle(.withdraw(2), on: stream, in: call(at: .oneOf([2])))
        #expect(handled.state == .open(balance: 3))
        #expect(handled.version == 3)
        #expect(handled.createdAt == (try await store.load(stream).events.first?.recordedAt))
    }

    @Test func `that the rules refuse adds nothing`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: AccountRules.Refusal.overdrawn(by: 7)) { try await handler.handle(.withdraw(7), on: stream, in: call()) }
        #expect(try await store.head() == 1)
    }

    @Test func `that names another version than there is goes no further`() async throws {
        await #expect(throws: CommandFailure.wrongVersion(actual: 0)) {
            try await handler.handle(.open(owner: "ann"), on: stream, in: call(at: .oneOf([1])))
        }
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: CommandFailure.wrongVersion(actual: 1)) {
            try await handler.handle(.deposit(7), on: stream, in: call(at: .oneOf([2])))
        }
    }

    @Test func `runs at the versions that its caller wants, once the rules allow it`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        for versions in [[], [2], [2, 3]] as [Set<Int>] {
            await #expect(throws: CommandFailure.wrongVersion(actual: 1)) {
                try await handler.handle(.deposit(1), on: stream, in: call(at: .oneOf(versions)))
            }
            await #expect(throws: CommandFailure.wrongVersion(actual: 1)) {
                try await handler.handle(.deposit(0), on: stream, in: call(at: .oneOf(versions)))
            }
            // Whom the rules refuse does not learn whether the version was right.
            await #expect(throws: AccountRules.Refusal.overdrawn(by: 7)) {
                try await handler.handle(.withdraw(7), on: stream, in: call(at: .oneOf(versions)))
            }
        }
        #expect(try await handler.handle(.deposit(1), on: stream, in: call(at: .oneOf([7, 1]))).version == 2)
        #expect(try await handler.handle(.deposit(1), on: stream, in: call(at: .any)).version == 3)
    }

    @Test(arguments: [nil, CommandReceipt.Key(id: .v7(), digest: [1])]) func `that expects no stream does not touch one`(key: CommandReceipt.Key?)
        async throws
    {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: AccountRules.Refusal.alreadyOpened) {
            try await handler.handle(.open(owner: "bob"), on: stream, in: call(key, at: .new))
        }
        #expect(try await store.head() == 1)
    }

    @Test func `that changes nothing answers with what is there`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        _ = try await handler.handle(.open(owner: "bob"), on: account(), in: call())
        let handled = try await handler.handle(.deposit(0), on: stream, in: call())
        #expect(handled.version == 1)
        #expect(handled.position == 1)
        #expect(try await store.head() == 2)
    }

    @Test func `whose claim another holds is refused`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: CommandFailure.claimTaken(AccountRules.owner)) {
            try await handler.handle(.open(owner: "ann"), on: account(), in: call())
        }
        _ = try await handler.handle(.close, on: stream, in: call())
        #expect(try await handler.handle(.open(owner: "ann"), on: account(), in: call()).version == 1)
    }

    @Test func `that requires a claim which is not held is refused`() async throws {
        let required = ClaimChange.require(AccountRules.owner, holder: stream)
        await #expect(throws: CommandFailure.claimMissing(AccountRules.owner, holder: stream)) {
            try await handler.handle(.open(owner: "bob"), on: account(), in: call(requiring: [required]))
        }
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        #expect(try await handler.handle(.open(owner: "bob"), on: account(), in: call(requiring: [required])).version == 1)
        #expect(try await handler.handle(.close, on: stream, in: call(requiring: [required])).state == .closed)
    }

    @Test func `on a stream with an unknown event stops`() async throws {
        let unknown = StreamAppend([NewEvent(type: "Renamed", schemaVersion: 1, data: [:])], to: stream, expecting: .none, sealedFor: nil)
        _ = try await store.append(AppendRequest([unknown], claims: [], command: .unrepeated(), metadata: EventMetadata(command: .v7())))
        await #expect(throws: EventDecodingError.self) { try await handler.handle(.deposit(1), on: stream, in: call()) }
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A command that its caller named` {
    private let store = InMemoryEventStore()
    private let stream = account()
    private let key = CommandReceipt.Key(id: .v7(), digest: [1, 2, 3])
    private var handler: Handler { Handler(store: store) }

    @Test func `is answered again as it was, whatever happened since`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        let first = try await handler.handle(.deposit(5), on: stream, in: call(key, at: .oneOf([1])))
        _ = try await handler.handle(.withdraw(5), on: stream, in: call())
        _ = try await handler.handle(.close, on: stream, in: call())
        let again = try await handler.handle(.deposit(5), on: stream, in: call(key, at: .oneOf([1])))
        #expect(again.isReplay)
        #expect(again.state == first.state)
        #expect(again.version == first.version)
        #expect(again.position == first.position)
        #expect(again.updatedAt == first.updatedAt)
        #expect(try await store.head() == 4)
    }

    @Test func `is answered about the stream it started, even when the repeat brings a new id`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call(key, at: .new))
        let again = try await handler.handle(.open(owner: "ann"), on: account(), in: call(key, at: .new))
        #expect(again.isReplay)
        #expect(again.stream == stream)
    }

    @Test func `is refused when the key came with another request`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call(key))
        let other = CommandReceipt.Key(id: key.id, digest: [9])
        await #expect(throws: CommandFailure.keyReused) { try await handler.handle(.deposit(5), on: stream, in: call(other)) }
    }

    @Test func `is remembered when it changed nothing`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        let first = try await handler.handle(.deposit(0), on: stream, in: call(key))
        #expect(!first.isReplay)
        _ = try await handler.handle(.close, on: stream, in: call())
        let again = try await handler.handle(.deposit(0), on: stream, in: call(key))
        #expect(again.isReplay)
        #expect(again.version == 1)
        #expect(again.position == 1)
        #expect(again.state == .open(balance: 0))
    }

    @Test func `is not remembered when it was refused`() async throws {
        await #expect(throws: AccountRules.Refusal.notOpen) { try await handler.handle(.deposit(5), on: stream, in: call(key)) }
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        #expect(try await handler.handle(.deposit(5), on: stream, in: call(key)).state == .open(balance: 5))
    }

    @Test func `is taken once when it comes many times at once`() async throws {
        _ = try await handler.handle(.open(owner: "ann"), on: stream, in: call())
        let handler = handler
        let handled = try await withThrowingTaskGroup(of: CommandResult<AccountRules>.self) { group in
            for _ in 0..<20 { group.addTask { [stream, key] in try await handler.handle(.deposit(5), on: stream, in: call(key)) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(handled.filter { !$0.isReplay }.count == 1)
        #expect(handled.allSatisfy { $0.state == .open(balance: 5) && $0.version == 2 })
    }
}

@Suite(.timeLimit(.minutes(15))) struct `A race` {
    private static func deposit(into stream: StreamName, in store: InMemoryEventStore) async throws {
        _ = try await Handler(store: store).handle(.deposit(1), on: stream, in: call())
    }

    @Test func `that was lost is decided again on what happened`() async throws {
        let stream = account()
        let store = InterferedEventStore { attempt, store in if attempt <= 3 { try await Self.deposit(into: stream, in: store) } }
        _ = try await Handler(store: store.store).handle(.open(owner: "ann"), on: stream, in: call())
        let handled = try await Handler(store: store).handle(.deposit(10), on: stream, in: call())
        #expect(handled.state == .open(balance: 13))
        #expect(handled.version == 5)
        #expect(store.attemptCount == 4)
    }

    @Test func `may turn a decision into a refusal`() async throws {
        let stream = account()
        let store = InterferedEventStore { _, store in _ = try await Handler(store: store).handle(.close, on: stream, in: call()) }
        _ = try await Handler(store: store.store).handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: AccountRules.Refusal.notOpen) { try await Handler(store: store).handle(.deposit(10), on: stream, in: call()) }
    }

    @Test func `lost ten times ends`() async throws {
        let stream = account()
        let store = InterferedEventStore { _, store in try await Self.deposit(into: stream, in: store) }
        _ = try await Handler(store: store.store).handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: CommandFailure.contended) { try await Handler(store: store).handle(.deposit(10), on: stream, in: call()) }
        #expect(store.attemptCount == 10)
    }

    @Test func `lost by a caller that named a version is the caller's`() async throws {
        let stream = account()
        let store = InterferedEventStore { _, store in try await Self.deposit(into: stream, in: store) }
        _ = try await Handler(store: store.store).handle(.open(owner: "ann"), on: stream, in: call())
        await #expect(throws: CommandFailure.wrongVersion(actual: 2)) {
            try await Handler(store: store).handle(.deposit(10), on: stream, in: call(at: .oneOf([1])))
        }
        #expect(store.attemptCount == 1)
    }

    @Test func `for a new stream has one winner`() async throws {
        let stream = account()
        let store = InterferedEventStore { _, store in _ = try await Handler(store: store).handle(.open(owner: "bob"), on: stream, in: call()) }
        await #expect(throws: AccountRules.Refusal.alreadyOpened) {
            try await Handler(store: store).handle(.open(owner: "ann"), on: stream, in: call(.init(id: .v7(), digest: [1]), at: .new))
        }
        #expect(store.attemptCount == 1)
    }

    @Test func `of a command with its own repeat is answered once`() async throws {
        let stream = account()
        let key = CommandReceipt.Key(id: .v7(), digest: [1])
        let store = InterferedEventStore { _, store in _ = try await Handler(store: store).handle(.deposit(5), on: stream, in: call(key)) }
        _ = try await Handler(store: store.store).handle(.open(owner: "ann"), on: stream, in: call())
        let handled = try await Handler(store: store).handle(.deposit(5), on: stream, in: call(key))
        #expect(handled.isReplay)
        #expect(handled.state == .open(balance: 5))
    }
}

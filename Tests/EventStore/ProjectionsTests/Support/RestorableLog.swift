import EventSourcing
import FoundationEssentials
import Synchronization

/// A log that becomes another one under its readers, as a server does that was restored to an older state. Those who wait are woken.
final class RestorableLog: EventStore {
    private struct State {
        var store: any EventStore
        var waiters: [AsyncStream<Void>.Continuation] = []
    }

    private let state: Mutex<State>

    init(_ store: any EventStore) { state = Mutex(State(store: store)) }

    func restore(_ store: any EventStore) {
        let waiters = state.withLock { state in
            state.store = store
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.finish() }
    }

    private var store: any EventStore { state.withLock { $0.store } }

    func waitForEvents(after position: Int64) async throws {
        let (restored, continuation) = AsyncStream<Void>.makeStream()
        let store = state.withLock { state in
            state.waiters.append(continuation)
            return state.store
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.waitForEvents(after: position) }
            group.addTask { for await _ in restored {} }
            try await group.next()
            group.cancelAll()
        }
    }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { try await store.read(after: position, limit: limit) }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await store.load(stream, after: version, limit: limit, command: command)
    }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }

    func head() async throws -> Int64 { try await store.head() }
}

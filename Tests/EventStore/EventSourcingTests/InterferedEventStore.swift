import EventSourcing
import EventStoreTesting
import FoundationEssentials
import Synchronization

/// A real store in which something happens just before an append: how a race is lost on purpose.
final class InterferedEventStore: EventStore {
    let store = InMemoryEventStore()
    private let attempts = Mutex(0)
    private let interference: @Sendable (_ attempt: Int, InMemoryEventStore) async throws -> Void

    init(_ interference: @escaping @Sendable (_ attempt: Int, InMemoryEventStore) async throws -> Void) {
        self.interference = interference
    }

    /// How often an append was tried.
    var attemptCount: Int { attempts.withLock { $0 } }

    func append(_ request: AppendRequest) async throws -> AppendOutcome {
        let attempt = attempts.withLock { count in
            count += 1
            return count
        }
        try await interference(attempt, store)
        return try await store.append(request)
    }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await store.load(stream, after: version, limit: limit, command: command)
    }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { try await store.read(after: position, limit: limit) }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }

    func head() async throws -> Int64 { try await store.head() }
    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

import EventSourcing
import FoundationEssentials

/// A log that tells a test of each read before it answers.
final class ObservedLog: EventStore {
    private let store: any EventStore
    private let onRead: @Sendable () async throws -> Void

    init(_ store: any EventStore, onRead: @escaping @Sendable () async throws -> Void) {
        self.store = store
        self.onRead = onRead
    }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        try await onRead()
        return try await store.read(after: position, limit: limit)
    }

    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] {
        try await onRead()
        return try await store.read(part, limit: limit)
    }

    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await store.load(stream, after: version, limit: limit, command: command)
    }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }

    func head() async throws -> Int64 { try await store.head() }

    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

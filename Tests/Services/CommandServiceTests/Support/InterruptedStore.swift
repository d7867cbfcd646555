import EventSourcing
import FoundationEssentials
import JSON
import Synchronization

/// A store in which something else happens just after the first look-up of a command: how a race is lost on purpose.
final class InterruptedStore: EventStore {
    private let store: any EventStore
    private let interruption: @Sendable () async throws -> Void
    private let isOver = Mutex(false)

    init(_ store: any EventStore, _ interruption: @escaping @Sendable () async throws -> Void) {
        self.store = store
        self.interruption = interruption
    }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        let loaded = try await store.load(stream, after: version, limit: limit, command: command)
        let isFirst =
            command != nil
            && isOver.withLock { isOver in
                defer { isOver = true }
                return !isOver
            }
        if isFirst { try await interruption() }
        return loaded
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { try await store.read(after: position, limit: limit) }
    func head() async throws -> Int64 { try await store.head() }
    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

/// A store that counts the events it has given out, the bytes of their texts, and the appends, also those that fail.
final class CountingStore: EventStore {
    private let store: any EventStore
    private let count = Mutex((events: 0, bytes: 0))
    private let appends = Mutex(0)

    init(_ store: any EventStore) { self.store = store }

    var eventCount: Int { count.withLock { $0.events } }
    var byteCount: Int { count.withLock { $0.bytes } }
    var appendCount: Int { appends.withLock { $0 } }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        let loaded = try await store.load(stream, after: version, limit: limit, command: command)
        _ = counted(loaded.events)
        return loaded
    }

    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { counted(try await store.read(part, limit: limit)) }
    func append(_ request: AppendRequest) async throws -> AppendOutcome {
        appends.withLock { $0 += 1 }
        return try await store.append(request)
    }

    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] { counted(try await store.read(after: position, limit: limit)) }
    func head() async throws -> Int64 { try await store.head() }
    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }

    private func counted(_ events: [RecordedEvent]) -> [RecordedEvent] {
        let bytes = events.flatMap(\.data.list).reduce(0) { $0 + ($1.value.text?.utf8.count ?? 0) }
        count.withLock { $0 = ($0.events + events.count, $0.bytes + bytes) }
        return events
    }
}

/// A value on its way out of a closure that runs elsewhere.
final class Handover<Value: Sendable>: Sendable {
    private let held = Mutex<Value?>(nil)

    var value: Value? { held.withLock { $0 } }

    func give(_ value: Value) { held.withLock { $0 = value } }
}

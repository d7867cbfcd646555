import EventSourcing
import FoundationEssentials
import Synchronization

/// A log whose pages a test alters and counts.
final class AlteredLog: EventStore {
    private let store: any EventStore
    private let alter: @Sendable ([RecordedEvent]) throws -> [RecordedEvent]
    private let pages = Mutex<[Int64]>([])

    init(_ store: any EventStore, _ alter: @escaping @Sendable ([RecordedEvent]) throws -> [RecordedEvent] = { $0 }) {
        self.store = store
        self.alter = alter
    }

    /// The position that each page that held anything was read after.
    var fullReads: [Int64] { pages.withLock { $0 } }

    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent] {
        let page = try alter(await store.read(after: position, limit: limit))
        if !page.isEmpty { pages.withLock { $0.append(position) } }
        return page
    }

    func append(_ request: AppendRequest) async throws -> AppendOutcome { try await store.append(request) }

    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream {
        try await store.load(stream, after: version, limit: limit, command: command)
    }

    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent] { try await store.read(part, limit: limit) }
    func read(_ part: LogRead, limit: Int) async throws -> LogPage { try await store.read(part, limit: limit) }

    func holder(of kind: ClaimKind, value: String) async throws -> StreamName? { try await store.holder(of: kind, value: value) }

    func head() async throws -> Int64 { try await store.head() }

    func waitForEvents(after position: Int64) async throws { try await store.waitForEvents(after: position) }
}

import EventSourcing
import EventStoreTesting
import FoundationEssentials
import JSON
import Publishing
import Synchronization

/// A log to tell events to. The first is recorded at 2026-01-01T00:00:00Z, and each a step after the one before.
final class History: Sendable {
    static let start = Timestamp(milliseconds: 1_767_225_600_000)

    let store: InMemoryEventStore

    init(step: Duration = .seconds(1)) {
        let clock = Ticks(step: step)
        store = InMemoryEventStore(clock: { clock.next() })
    }

    func tell(_ event: NewEvent, in stream: StreamName) async throws {
        let request = AppendRequest(
            [StreamAppend([event], to: stream, expecting: .any, sealedFor: nil)], claims: [], command: .unrepeated(),
            metadata: EventMetadata(actor: nil, command: .v7()))
        _ = try await store.append(request)
    }

    func tell(_ events: PostEvent..., of post: UUID) async throws {
        for event in events { try await tell(PostRules.encode(event), in: StreamName("post", post)) }
    }

    func tell(_ events: UserEvent..., of user: UUID) async throws {
        for event in events { try await tell(UserRules.encode(event), in: StreamName("user", user)) }
    }

    func tell(views count: Int64, of post: UUID) async throws {
        try await tell(NewEvent(type: "PostViewed", schemaVersion: 1, data: ["count": .integer(count)]), in: StreamName("views", post))
    }

    /// A window of views, of a query service with this stream.
    func tell(views counts: [UUID: Int64], in window: UUID) async throws {
        try await tell(ViewWindowRules.encode(.viewed(counts)), in: StreamName(ViewWindowRules.category, window))
    }

    func events() async throws -> [RecordedEvent] {
        try await store.read(after: 0, limit: .max)
    }
}

private final class Ticks: Sendable {
    private let count = Atomic<Int64>(0)
    private let step: Duration

    init(step: Duration) { self.step = step }

    func next() -> Timestamp {
        let count = count.wrappingAdd(1, ordering: .relaxed).oldValue
        return History.start.advanced(by: step * Int(count))
    }
}

extension UUID {
    /// `00000000-0000-7000-8000-…` with a number at the end.
    static func number(_ number: UInt64) -> UUID { UUID(high: 0x7000, low: 0x8000_0000_0000_0000 | number) }
}

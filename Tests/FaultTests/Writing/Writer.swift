import EventLog
import EventSourcing
import EventStoreTesting

/// Something that appends for the test.
protocol Writer: Sendable {
    /// The log's answer. Throws `EventStoreError.unavailable` or `.outcomeUnknown`, or `WriterEnded`, when there is none: the request may have been
    /// appended.
    func append(_ request: AppendRequest) async throws -> AppendOutcome
}

/// The process that was to append has ended without an answer.
struct WriterEnded: Error {}

extension PostgresEventStore: Writer {}

extension InMemoryEventStore: Writer {}

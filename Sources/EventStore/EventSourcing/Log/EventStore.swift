package import FoundationEssentials

/// One stream's events and, if asked for, what is known of a command: both from one snapshot.
package struct LoadedStream: Sendable {
    /// In version order.
    package let events: [RecordedEvent]
    /// The receipt of the command asked about, when it succeeded before.
    package let receipt: CommandReceipt?
    /// Whether the stream ends with these events.
    package let isLast: Bool

    package init(events: [RecordedEvent], receipt: CommandReceipt?, isLast: Bool) {
        self.events = events
        self.receipt = receipt
        self.isLast = isLast
    }
}

/// How many bytes of stored data a page may bring: it ends with the event that brings it there.
package enum PageBytes {
    /// Of a look at the log or at a part of it. Far above any one event: a reader that begins with an event that it knows gets the next one, too.
    package static let usual = 16 << 20
    /// Of a look at a stream that a command loads.
    package static let load = 256 << 10
    /// Of a look that is to find a few small events or one large one.
    package static let small = 64 << 10
}

/// The event log as its users see it. Every implementation passes the same contract suite.
///
/// A page ends with its limit of events or with its bytes (`PageBytes`), and holds at least one event where there is one. So one that has fewer
/// events than asked for need not be the last.
package protocol EventStore: Sendable {
    /// Appends one atomic request. Returning means durable. Throws when the log could not be reached or is overloaded (`EventStoreError`): the caller
    /// may repeat the same request, its command makes that safe. Throws `EventStoreError.broken` for a request that `AppendRequest.validate()`
    /// refuses.
    func append(_ request: AppendRequest) async throws -> AppendOutcome

    /// Reads a stream from the version after `version` (0: from its start), at most `limit` events and `PageBytes.load`, and looks up the command in
    /// the same snapshot.
    func load(_ stream: StreamName, after version: Int, limit: Int, command: UUID?) async throws -> LoadedStream

    /// Reads a part of one stream in its direction, at most `limit` events, from one snapshot. Empty where nothing is. `pages(of:)` walks a long one.
    func read(_ part: StreamRead, limit: Int) async throws -> [RecordedEvent]

    /// Reads a part of the whole log in its direction, at most `limit` events that its filter lets through, from one snapshot, and says how far that
    /// has looked. `pages(of:)` walks a long one.
    func read(_ part: LogRead, limit: Int) async throws -> LogPage

    /// The stream that holds a unique value now; nil when it is free. For answers and suggestions only: what counts is what the append decides.
    func holder(of kind: ClaimKind, value: String) async throws -> StreamName?

    /// Reads the whole log after a position, at most `limit` events, without a gap. Empty at the head.
    func read(after position: Int64, limit: Int) async throws -> [RecordedEvent]

    /// The last position; 0 for an empty log.
    func head() async throws -> Int64

    /// Returns once the log's head may have moved past `position`; may return early, never late by more than its poll interval.
    func waitForEvents(after position: Int64) async throws
}

extension EventStore {
    /// A whole stream, however long: for small ones.
    package func load(_ stream: StreamName, command: UUID? = nil) async throws -> LoadedStream {
        var whole = try await load(stream, after: 0, limit: .max, command: command)
        while !whole.isLast, let last = whole.events.last {
            let more = try await load(stream, after: last.version, limit: .max, command: command)
            whole = LoadedStream(events: whole.events + more.events, receipt: more.receipt, isLast: more.isLast)
        }
        return whole
    }

    /// The receipt of a command that its caller may repeat; nil when there is none.
    package func receipt(of context: CommandContext) async throws -> CommandReceipt? {
        context.isRepeatable ? try await receipt(of: context.key.id) : nil
    }

    /// The receipt of a command; nil when there is none.
    func receipt(of command: UUID) async throws -> CommandReceipt? {
        try await load(StreamName("command", command), after: 0, limit: 1, command: command).receipt
    }

    /// The log from a position on and for ever: pages of what is there, then what is appended. While the log is away it waits and calls
    /// `onInterruption` at each try; what that throws ends the subscription.
    ///
    /// - Parameters:
    ///   - lastEvent: the id of the event at `position`, to know the log by.
    ///   - filter: which events come; the others are passed over.
    ///   - pause: waited after each event that wakes a filtered subscription, so that a busy log does not make it ask all the time for what is rare.
    ///   - gathering: how long events may gather between two looks while many come. By default 10 ms, and 50 where only some are wanted.
    package func subscribe(
        after position: Int64, lastEvent: UUID? = nil, to filter: EventFilter = .everything, pageSize: Int = 500, pause: Duration = .zero,
        gathering: Gathering? = nil, clock: any Clock<Duration> = ContinuousClock(),
        onInterruption: @escaping Subscription.InterruptionHandler = { _ in }
    ) -> Subscription {
        Subscription(
            store: self, start: LogPlace(position, lastEvent), filter: filter, pageSize: pageSize, pause: pause, clock: clock,
            gathering: gathering ?? (filter == .everything ? Gathering() : Gathering(within: .milliseconds(50))), onInterruption: onInterruption)
    }
}

/// Why the log could not answer.
package enum EventStoreError: Error {
    /// The queue of waiting appends is full, or the database is away. Trying later helps.
    case unavailable(reason: String)
    /// The database refuses a statement for a reason that is not the request's, such as a missing right or a damaged page. Somebody has to mend that.
    case refused(statement: String, reason: String)
    /// The log did not answer an append, or its caller was cancelled while it was under way. It may have succeeded, or yet succeed; a repeat of the
    /// same request finds out, if its command has a name.
    case outcomeUnknown
    /// Something was to be sealed for a person who was forgotten.
    case subjectUnknown(UUID)
    /// Something was to be sealed for a person whose key is missing or damaged, or who never registered.
    case keyUnusable(UUID)
    /// The log does not hold the event that was read from it before: it was restored to an older state, or is another log. A reader can't go on.
    case rewritten(position: Int64)
    /// The log breaks a promise, as by a gap. Nothing may go on from here.
    case broken(reason: String)

    /// Why the log can't be read for now; nil when waiting is of no use. A refusal may pass as well: somebody mends it.
    package var absence: String? {
        switch self {
        case .unavailable(let reason): reason
        case .refused(let statement, let reason): "\(statement): \(reason)"
        case .outcomeUnknown, .subjectUnknown, .keyUnusable, .rewritten, .broken: nil
        }
    }
}

import FoundationEssentials
import Spans

/// The write side's one loop: load, fold, decide, append.
package struct CommandHandler<Rules: StreamRules>: Sendable {
    /// The appends to other streams in the same request, decided from the state before the command and its events.
    package typealias OtherAppends = (_ state: Rules.State, _ events: [Rules.Event]) async throws -> [StreamAppend]

    let store: any EventStore
    private let streams: StreamFolding<Rules>

    /// - Parameter cache: spares long streams being folded for each command; without it everything is the same, but slower.
    package init(store: any EventStore, cache: StateCache<Rules>? = nil) {
        self.store = store
        streams = StreamFolding(store: store, cache: cache)
    }

    /// Decides one command and appends what happened.
    ///
    /// A command that succeeded before gets its first answer again, before rules or versions are looked at. Throws `Rules.Refusal` for what the rules
    /// refuse and `CommandFailure` for what the log refuses. A lost race is decided again, 10 times at most.
    /// - Parameter alongside: called on each attempt. If it throws, the command is refused, even one that changes nothing.
    package func handle(
        _ command: Rules.Command, on stream: StreamName, in context: CommandContext, alongside: OtherAppends = { _, _ in [] }
    ) async throws -> CommandResult<Rules> {
        for attempt in 0..<10 {
            // Each round has one winner. A growing random pause spreads the losers out.
            if attempt > 0 { try await Task.sleep(for: .milliseconds(Int64.random(in: 0..<1 << min(attempt + 1, 6)))) }
            let before: FoldedStream<Rules>
            if context.expected == .new, !context.isRepeatable, attempt == 0 {
                // The caller expects no stream, so there is nothing to load. If one exists, the append reports a conflict.
                before = try FoldedStream()
            } else {
                switch try await streams.load(stream, unlessDone: context.isRepeatable ? context.key.id : nil) {
                case .done(let receipt): return try await repeated(receipt, in: context)
                case .folded(let folded): before = folded
                }
            }
            let events = try inSpan("decide") { try Rules.decide(command, in: before.state) }
            let others = try await alongside(before.state, events)
            guard context.expected.allows(before.version) else { throw CommandFailure.wrongVersion(actual: before.version) }
            // A repeatable command is remembered even when it changed nothing: its repeat must get this answer, whatever happens in between.
            if events.isEmpty, !context.isRepeatable { return CommandResult(stream: stream, after: before) }
            guard !context.isRepeatable || events.isEmpty || !context.key.digest.isEmpty else {
                throw EventStoreError.broken(reason: "a command without a digest leaves no receipt for its repeat")
            }
            let request = AppendRequest(
                [append(events, to: stream, after: before)] + others,
                claims: Rules.claims(for: events, in: before.state, on: stream) + context.claims, command: context.key, metadata: context.metadata)
            switch try await inSpan("append", { try await store.append(request) }) {
            case .appended(let receipt): return CommandResult(stream: stream, after: before.followed(by: events, as: receipt))
            case .alreadyAppended(let receipt): return try await repeated(receipt, in: context)
            case .conflict: continue
            case .claimTaken(let kind): throw CommandFailure.claimTaken(kind)
            case .claimMissing(let kind, let holder): throw CommandFailure.claimMissing(kind, holder: holder)
            }
        }
        throw CommandFailure.contended
    }

    /// Decides a command on a second stream and returns its append, for use in `alongside`. Drops its claims.
    package func decision(on command: Rules.Command, for stream: StreamName) async throws -> StreamAppend {
        let before = try await streams.load(stream)
        return append(try Rules.decide(command, in: before.state), to: stream, after: before)
    }

    private func append(_ events: [Rules.Event], to stream: StreamName, after before: FoldedStream<Rules>) -> StreamAppend {
        StreamAppend(
            events.map(Rules.encode), to: stream, expecting: before.expectation, sealedFor: Rules.subject(of: events, in: before.state, on: stream))
    }

    /// The first answer of a command, rebuilt from its events.
    private func repeated(_ receipt: CommandReceipt, in context: CommandContext) async throws -> CommandResult<Rules> {
        guard receipt.key.digest == context.key.digest else { throw CommandFailure.keyReused }
        let then = try await streams.load(receipt.stream, through: receipt.version)
        return CommandResult(stream: receipt.stream, after: then, position: receipt.lastPosition, isReplay: true)
    }
}

/// The result of a command that went through.
package struct CommandResult<Rules: StreamRules>: Sendable {
    package let stream: StreamName
    package let state: Rules.State
    /// The stream's version after the command.
    package let version: Int
    /// The position of the command's last event, or of the stream's last event when the command changed nothing.
    package let position: Int64
    package let createdAt: Timestamp?
    package let updatedAt: Timestamp?
    /// Whether this is the first answer of a command, given again.
    package let isReplay: Bool

    init(stream: StreamName, after folded: FoldedStream<Rules>, position: Int64? = nil, isReplay: Bool = false) {
        self.stream = stream
        state = folded.state
        version = folded.version
        self.position = position ?? folded.position
        createdAt = folded.createdAt
        updatedAt = folded.updatedAt
        self.isReplay = isReplay
    }
}

/// Folds streams: on from where the cache left them, else by the events that decide them, else from their start, a page at a time. A long stream is
/// never in memory as a whole.
struct StreamFolding<Rules: StreamRules>: Sendable {
    enum Loaded {
        /// The command asked about succeeded before.
        case done(CommandReceipt)
        case folded(FoldedStream<Rules>)
    }

    /// Events read at once. Where some decide, a stream that does not end with these few is folded by those.
    static var pageSize: Int { Rules.loadedEvents == nil ? 1000 : 16 }

    let store: any EventStore
    let cache: StateCache<Rules>?

    /// A stream as it is now, or the receipt of the command when there is one.
    ///
    /// Every page looks the command up in its own snapshot. So an earlier try of the command can't be among the events and missing from the answer.
    func load(_ stream: StreamName, unlessDone command: UUID?) async throws -> Loaded {
        let start = cache?.start(stream)
        let (folded, receipt) = try await fold(stream, from: start?.folded, command: command)
        if let receipt { return .done(receipt) }
        cache?.keep(folded, of: stream, from: start)
        return .folded(folded)
    }

    /// A stream as it is now.
    func load(_ stream: StreamName) async throws -> FoldedStream<Rules> {
        let start = cache?.start(stream)
        let folded = try await fold(stream, from: start?.folded, command: nil).folded
        cache?.keep(folded, of: stream, from: start)
        return folded
    }

    /// A stream as it was at a version.
    func load(_ stream: StreamName, through version: Int) async throws -> FoldedStream<Rules> {
        let cached = cache?.folded(stream).flatMap { $0.version <= version ? $0 : nil }
        return try await fold(stream, from: cached, through: version, command: nil).folded
    }

    /// Ends early when the command has a receipt.
    private func fold(
        _ stream: StreamName, from start: FoldedStream<Rules>?, through last: Int = .max, command: UUID?
    ) async throws -> (folded: FoldedStream<Rules>, receipt: CommandReceipt?) {
        var folded = try start ?? FoldedStream()
        while true {
            // Reads the last known event again. If the log was restored, that event is missing or different. An append would then be refused, but a
            // command that changes nothing appends nothing.
            let known = max(0, folded.version - 1)
            let page = try await store.load(stream, after: known, limit: min(Self.pageSize, last - known), command: command)
            if let receipt = page.receipt { return (folded, receipt) }
            guard let news = folded.news(in: page.events) else {
                cache?.drop(stream)
                folded = try FoldedStream()
                continue
            }
            try folded.fold(news)
            if page.isLast || folded.version >= last { return (folded, nil) }
            if let decisive = Rules.loadedEvents { return try await fold(decisive, of: stream, through: last, command: command) }
        }
    }

    private func fold(
        _ decisive: DecisiveEvents, of stream: StreamName, through last: Int, command: UUID?
    ) async throws -> (folded: FoldedStream<Rules>, receipt: CommandReceipt?) {
        let folded = try FoldedStream<Rules>(try await store.events(deciding: decisive, of: stream, through: last))
        // Looked up after the events were read: so an earlier try of the command can't be among them and missing here.
        guard let command else { return (folded, nil) }
        return (folded, try await store.receipt(of: command))
    }
}

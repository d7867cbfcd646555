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
    /// A command that succeeded before gets its first answer again, before rules or versions are looked at. Throws `Rules.Refusal` for what the
    /// rules refuse and
    /// `CommandFailure` for what the log refuses. A lost race is decided again, 10 times at most.
    /// - Parameter alongside: decided anew with each attempt. What it throws refuses the command, also one that changes nothing.
    package func handle(
        _ command: Rules.Command, on stream: StreamName, in context: CommandContext, alongside: OtherAppends = { _, _ in [] }
    ) async throws -> CommandResult<Rules> {
        for attempt in 0..<10 {
            // Of those who race for one stream, one wins each round: a pause that grows spreads the others out.
            if attempt > 0 { try await Task.sleep(for: .milliseconds(Int64.random(in: 0..<1 << min(attempt + 1, 6)))) }
            let before: FoldedStream<Rules>
            if context.expected == .new, !context.isRepeatable, attempt == 0 {
                // Nothing to load, it is said. If there is something after all, the append finds out.
                before = try FoldedStream()
            } else {
                switch try await streams.load(stream, unlessDone: context.isRepeatable ? context.key.id : nil) {
                case .done(let receipt): return try await repeated(receipt, in: context)
                case .folded(let folded): before = folded
                }
            }
            let events = try Rules.decide(command, in: before.state)
            let others = try await alongside(before.state, events)
            guard context.expected.allows(before.version) else { throw CommandFailure.wrongVersion(actual: before.version) }
            // A repeatable command is remembered even when it changed nothing: its repeat must get this answer, whatever happens in between.
            if events.isEmpty, !context.isRepeatable { return CommandResult(stream: stream, after: before) }
            let request = AppendRequest(
                [append(events, to: stream, after: before)] + others,
                claims: Rules.claims(for: events, in: before.state, on: stream) + context.claims, command: context.key, metadata: context.metadata)
            switch try await store.append(request) {
            case .appended(let receipt): return CommandResult(stream: stream, after: before.followed(by: events, as: receipt))
            case .alreadyAppended(let receipt): return try await repeated(receipt, in: context)
            case .conflict: continue
            case .claimTaken(let kind): throw CommandFailure.claimTaken(kind)
            case .claimMissing(let kind, let holder): throw CommandFailure.claimMissing(kind, holder: holder)
            }
        }
        throw CommandFailure.contended
    }

    /// The append that a command would make to a stream as it is now, for a command on another stream to take along in `alongside`. Its claims are
    /// left out.
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

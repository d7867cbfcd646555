/// The write side's one loop: load, fold, decide, append.
package struct CommandHandler<Rules: Decider>: Sendable {
    let store: any EventStore
    private let streams: StreamFolding<Rules>

    /// - Parameter cache: spares long streams being folded for each command; without it everything is the same, but slower.
    package init(store: any EventStore, cache: StateCache<Rules>? = nil) {
        self.store = store
        streams = StreamFolding(store: store, cache: cache)
    }

    /// Decides one command and appends what happened.
    ///
    /// A command that succeeded before gets its first answer again, before rules or versions are looked at. Throws `Rules.Refusal` for what the rules refuse and
    /// `CommandFailure` for what the log refuses. A race is decided again, 10 times at most, unless `expected` names a version.
    /// - Parameter expected: what the program itself knows of the stream, and looked at before the rules; what its caller wants of it is in the call.
    /// - Parameter alongside: what other streams take in the same request, decided anew with each attempt from the state before and the events. What it throws refuses
    ///   the command, also one that changes nothing.
    package func handle(
        _ command: Rules.Command, on stream: StreamName, expecting expected: ExpectedVersion = .any, as call: CommandCall,
        alongside: (_ state: Rules.State, _ events: [Rules.Event]) async throws -> [StreamAppend] = { _, _ in [] }
    ) async throws -> HandledCommand<Rules> {
        for attempt in 0..<10 {
            // Of those who race for one stream, one wins each round: a pause that grows spreads the others out.
            if attempt > 0 { try await Task.sleep(for: .milliseconds(Int64.random(in: 0..<1 << min(attempt + 1, 6)))) }
            let before: FoldedStream<Rules>
            if expected == .none && !call.isRepeatable {
                before = try FoldedStream()
            } else {
                switch try await streams.load(stream, command: call.isRepeatable ? call.key.id : nil) {
                case .receipt(let receipt): return try await repeated(receipt, as: call)
                case .folded(let folded): before = folded
                }
            }
            guard expected.allows(before.version) else { throw CommandFailure.wrongVersion(actual: before.version) }
            let events = try Rules.decide(command, in: before.state)
            let others = try await alongside(before.state, events)
            guard call.versions.allows(before.version) else { throw CommandFailure.wrongVersion(actual: before.version) }
            // A repeatable command is remembered even when it changed nothing: its repeat must get this answer, whatever happens in between.
            if events.isEmpty, !call.isRepeatable { return HandledCommand(stream: stream, after: before) }
            let append = StreamAppend(
                events.map(Rules.encode), to: stream, expecting: before.expectation,
                sealedFor: Rules.subject(of: events, in: before.state, on: stream))
            let claims = Rules.claims(for: events, in: before.state, on: stream) + call.requirements
            switch try await store.append(AppendRequest([append] + others, claims: claims, command: call.key, metadata: call.metadata)) {
            case .appended(let receipt): return HandledCommand(stream: stream, after: before.followed(by: events, as: receipt))
            case .alreadyAppended(let receipt): return try await repeated(receipt, as: call)
            case .conflict(let moved, let actual): if moved == stream, expected != .any { throw CommandFailure.wrongVersion(actual: actual) }
            case .claimTaken(let kind): throw CommandFailure.claimTaken(kind)
            case .claimMissing(let kind, let holder): throw CommandFailure.claimMissing(kind, holder: holder)
            }
        }
        throw CommandFailure.contended
    }

    /// What a command would append to a stream as it is now, for a command of another stream to take along. Claims are the other command's affair: these rules may have none.
    package func decision(on command: Rules.Command, for stream: StreamName) async throws -> StreamAppend {
        guard case .folded(let before) = try await streams.load(stream, command: nil) else {
            throw EventStoreError.broken(reason: "a receipt of no command")
        }
        let events = try Rules.decide(command, in: before.state)
        return StreamAppend(
            events.map(Rules.encode), to: stream, expecting: before.expectation, sealedFor: Rules.subject(of: events, in: before.state, on: stream))
    }

    /// The first answer of a command, rebuilt from its events.
    private func repeated(_ receipt: CommandReceipt, as call: CommandCall) async throws -> HandledCommand<Rules> {
        guard receipt.key.digest == call.key.digest else { throw CommandFailure.keyReused }
        let then = try await streams.load(receipt.stream, at: receipt.version)
        return HandledCommand(stream: receipt.stream, after: then, position: receipt.lastPosition, isReplay: true)
    }
}

/// The write side's one loop: load, fold, decide, append.
package struct CommandHandler<Rules: Decider>: Sendable {
    let store: any EventStore

    package init(store: any EventStore) {
        self.store = store
    }

    /// Decides one command and appends what happened.
    ///
    /// A command that succeeded before gets its first answer again, before rules or versions are looked at. Throws `Rules.Refusal` for what the rules refuse and
    /// `CommandFailure` for what the log refuses. A race is decided again, 10 times at most, unless the caller named a version.
    package func handle(
        _ command: Rules.Command, on stream: StreamName, expecting expected: ExpectedVersion = .any, as call: CommandCall
    ) async throws -> HandledCommand<Rules> {
        for attempt in 0..<10 {
            // Of those who race for one stream, one wins each round: a pause that grows spreads the others out.
            if attempt > 0 { try await Task.sleep(for: .milliseconds(Int64.random(in: 0..<1 << min(attempt + 1, 6)))) }
            let isNew = expected == .none && !call.isRepeatable
            let loaded = isNew ? LoadedStream(events: [], receipt: nil) : try await store.load(stream, command: call.isRepeatable ? call.key.id : nil)
            if let receipt = loaded.receipt { return try await repeated(receipt, as: call) }
            let before = try FoldedStream<Rules>(loaded.events)
            guard expected.allows(before.version) else { throw CommandFailure.wrongVersion(actual: before.version) }
            let events = try Rules.decide(command, in: before.state)
            // A repeatable command is remembered even when it changed nothing: its repeat must get this answer, whatever happens in between.
            if events.isEmpty, !call.isRepeatable { return HandledCommand(stream: stream, after: before) }
            let append = StreamAppend(
                events.map(Rules.encode), to: stream, expecting: before.expectation,
                sealedFor: Rules.subject(of: events, in: before.state, on: stream))
            let claims = Rules.claims(for: events, in: before.state, on: stream) + call.requirements
            switch try await store.append(AppendRequest([append], claims: claims, command: call.key, metadata: call.metadata)) {
            case .appended(let receipt): return HandledCommand(stream: stream, after: before.followed(by: events, as: receipt))
            case .alreadyAppended(let receipt): return try await repeated(receipt, as: call)
            case .conflict(_, let actual): if expected != .any { throw CommandFailure.wrongVersion(actual: actual) }
            case .claimTaken(let kind): throw CommandFailure.claimTaken(kind)
            case .claimMissing(let kind, let holder): throw CommandFailure.claimMissing(kind, holder: holder)
            }
        }
        throw CommandFailure.contended
    }

    /// The first answer of a command, rebuilt from its events.
    private func repeated(_ receipt: CommandReceipt, as call: CommandCall) async throws -> HandledCommand<Rules> {
        guard receipt.key.digest == call.key.digest else { throw CommandFailure.keyReused }
        let events = try await store.load(receipt.stream, after: 0, limit: receipt.version, command: nil).events
        return HandledCommand(stream: receipt.stream, after: try FoldedStream(events), position: receipt.lastPosition, isReplay: true)
    }
}

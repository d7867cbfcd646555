import FoundationEssentials

/// Folds streams: on from where the cache left them, else from their start, a page at a time, so a long stream is never in memory as a whole.
struct StreamFolding<Rules: StreamRules>: Sendable {
    enum Loaded {
        /// The command asked about succeeded before.
        case done(CommandReceipt)
        case folded(FoldedStream<Rules>)
    }

    /// Events read at once.
    static var pageSize: Int { 1000 }

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
            // From the last known event on, not after it: seeing it again tells that this is still the log it came from. A log restored to an older
            // state has none
            // there, or another one; what was folded from the log before would be refused at the append, but a command that changes nothing is never
            // appended.
            let known = max(0, folded.version - 1)
            let limit = min(Self.pageSize, last - known)
            let page = try await store.load(stream, after: known, limit: limit, command: command)
            if let receipt = page.receipt { return (folded, receipt) }
            guard let news = folded.news(in: page.events) else {
                cache?.drop(stream)
                folded = try FoldedStream()
                continue
            }
            try folded.fold(news)
            if page.events.count < limit || folded.version >= last { return (folded, nil) }
        }
    }
}

/// The requests that are under way and their results so far. Pure: it sees results, not sockets.
///
/// Groups end with a sync and are each one implicit transaction. When a query fails, the server skips the rest of its group, so the first
/// error of a group is the cause and the "aborted" ones behind it are never reported.
struct Pipeline {
    private(set) var steps = FIFO<Step>()
    private var results: [QueryResult] = []
    private var failure: PostgresError?
    /// Why statements could not be prepared, by their names.
    private var failedPreparations: [String: PostgresError] = [:]
    private var queryIndex = 0
    private var isHeadAnswered = false

    var isEmpty: Bool { steps.isEmpty }
    var length: Int { steps.count }

    mutating func append(_ step: Step) { steps.append(step) }

    /// Takes back the steps of a group that couldn't be sent whole.
    mutating func truncate(to length: Int) { steps.truncate(to: length) }

    /// The statement at the head, for its error.
    var headStatementName: String? {
        guard case .query(let name)? = steps.first else { return nil }
        return name
    }

    /// The head was answered well.
    mutating func succeed(_ result: QueryResult) {
        isHeadAnswered = true
        switch steps.first {
        case .query?: results.append(result)
        case .prepare?: if let name = statementBehindHead { failedPreparations[name] = nil }
        case .sync?, nil: break
        }
    }

    /// The statement that the head prepares.
    private var statementBehindHead: String? {
        guard case .query(let name)? = steps[1] else { return nil }
        return name
    }

    /// The head was refused, or skipped (`error` nil) because an earlier one of its group was. Returns the statement that isn't prepared after all.
    mutating func fail(_ error: PostgresError?) -> String? {
        isHeadAnswered = true
        if failure == nil, var error {
            // Those behind a statement that could not be prepared find none, and have to hear why.
            if error.kind == .server(.invalidStatementName), let cause = headStatementName.flatMap({ failedPreparations[$0] }) { error = cause }
            if case .prepare? = steps.first, let name = statementBehindHead { failedPreparations[name] = error }
            error.failedQuery = queryIndex
            failure = error
        }
        guard case .prepare(let serverName)? = steps.first else { return nil }
        return serverName
    }

    /// The commit at the head's end is not sure to last.
    mutating func doubtCommit(_ error: PostgresError) { failure = failure ?? error }

    /// The head's results have ended. False when the server has nothing more to say for now.
    mutating func endHead() -> Bool {
        guard isHeadAnswered else { return false }
        isHeadAnswered = false
        // A backend may die, or a commit fail, with only the sync left. Its caller stays in the book until the group or everything ends.
        if case .sync? = steps.first { return true }
        if case .query? = steps.popFirst() { queryIndex += 1 }
        return true
    }

    /// The group's end has come.
    mutating func endGroup() -> EndedGroup {
        isHeadAnswered = false
        // A head other than the sync would mean that libpq and this book disagree; nothing could be answered rightly any more.
        guard case .sync(let completion, _)? = steps.popFirst() else { preconditionFailure("a sync came out of turn") }
        defer {
            results.removeAll(keepingCapacity: results.count <= 64)
            failure = nil
            queryIndex = 0
        }
        if case .reads(let reads) = completion { return endReads(reads) }
        return EndedGroup(delivery: delivery(for: completion))
    }

    /// Each read gets its own answer. Those behind one that failed were skipped by the server and have to go again.
    private func endReads(_ reads: [SharedRead?]) -> EndedGroup {
        let answered = failure == nil ? reads.count : min(results.count + 1, reads.count)
        let skipped = reads.dropFirst(answered).compactMap(\.self)
        // A skipped one that nobody waits for any more does not go again.
        return EndedGroup(
            delivery: .reads(answers(to: reads.prefix(answered), orElse: .noResult)), answered: reads.count - skipped.count, skipped: skipped,
            wereReads: true)
    }

    private func answers(
        to reads: some Sequence<SharedRead?>, orElse error: PostgresError
    ) -> [(reply: ReadReply, answer: ReadReply.Answer)] {
        reads.enumerated().compactMap { index, read in
            guard let read else { return nil }
            if index < results.count { return (read.reply, .success(results[index])) }
            guard index == results.count, var failure else { return (read.reply, .failure(error)) }
            failure.failedQuery = 0
            return (read.reply, .failure(failure))
        }
    }

    /// The connection is gone: everybody gets an answer, the group being answered its own error if it had one.
    mutating func endAll(_ error: PostgresError) -> [Delivery] {
        var deliveries: [Delivery] = []
        while let step = steps.popFirst() {
            guard case .sync(let completion, _) = step else { continue }
            if case .reads(let reads) = completion {
                deliveries.append(.reads(answers(to: reads, orElse: error)))
                results = []
            } else {
                failure = failure ?? error
                if let delivery = delivery(for: completion) { deliveries.append(delivery) }
            }
            failure = nil
        }
        return deliveries
    }

    /// Takes the caller out of its place, which stays. Nil when the answer is already on its way.
    mutating func abandon(_ wanted: UInt64) -> Completion? {
        for offset in 0..<steps.count {
            guard case .sync(let completion, let token)? = steps[offset] else { continue }
            if case .reads(var reads) = completion, let index = reads.firstIndex(where: { $0?.token == wanted }),
                case .task(let continuation)? = reads[index]?.reply
            {
                reads[index] = nil
                steps[offset] = .sync(.reads(reads), token: token)
                return .one(continuation)
            }
            guard token == wanted else { continue }
            steps[offset] = .sync(.abandoned, token: token)
            return completion
        }
        return nil
    }

    private func delivery(for completion: Completion) -> Delivery? {
        switch completion {
        case .one(let continuation):
            if let failure { return .one(continuation, .failure(failure)) }
            return .one(continuation, results.first.map(Result.success) ?? .failure(.noResult))
        case .group(let continuation):
            return .group(continuation, failure.map(Result.failure) ?? .success(results))
        case .reads, .abandoned:
            return nil
        }
    }
}

/// A group that the server has answered.
struct EndedGroup {
    /// The answers; nil when nobody waits for them.
    var delivery: Delivery?
    /// How many callers' requests have had their turn.
    var answered = 1
    /// Reads that the server has skipped because one before them failed.
    var skipped: [SharedRead] = []
    var wereReads = false
}

extension PostgresError {
    fileprivate static var noResult: PostgresError { PostgresError(.connection, "no result", outcomeUnknown: true) }
}

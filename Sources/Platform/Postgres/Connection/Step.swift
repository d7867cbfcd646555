/// A part of a request that the server has yet to answer, in the order of sending.
enum Step {
    /// A statement is prepared under this name of the server's.
    case prepare(serverName: String)
    /// A query runs; the name is for errors.
    case query(statementName: String)
    /// The end of a group: the caller can be answered.
    case sync(Completion, token: UInt64)
}

/// The caller who gets a group's results.
enum Completion {
    case one(UnsafeContinuation<Result<QueryResult, PostgresError>, Never>)
    case group(UnsafeContinuation<Result<[QueryResult], PostgresError>, Never>)
    /// Reads of several callers, in the order of the group's queries; nil for one whose caller was cancelled.
    case reads([SharedRead?])
    /// The caller was cancelled and is gone; the place in the queue stays.
    case abandoned
}

/// A caller and its answer, kept until the connection's lock is free again: a resumed task often begins with its next query.
enum Delivery {
    case one(UnsafeContinuation<Result<QueryResult, PostgresError>, Never>, Result<QueryResult, PostgresError>)
    case group(UnsafeContinuation<Result<[QueryResult], PostgresError>, Never>, Result<[QueryResult], PostgresError>)
    case reads([(reply: ReadReply, answer: ReadReply.Answer)])
    case ready(UnsafeContinuation<Result<Void, PostgresError>, Never>, Result<Void, PostgresError>)

    func deliver() {
        switch self {
        case .one(let continuation, let result): continuation.resume(returning: result)
        case .group(let continuation, let result): continuation.resume(returning: result)
        case .reads(let answers): ReadReply.give(answers)
        case .ready(let continuation, let result): continuation.resume(returning: result)
        }
    }
}

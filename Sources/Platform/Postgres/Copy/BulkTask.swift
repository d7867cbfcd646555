/// A connection's task outside pipeline mode, in which libpq allows neither COPY nor scripts.
enum BulkTask {
    typealias ResultContinuation = UnsafeContinuation<Result<QueryResult, PostgresError>, Never>
    typealias ReadyContinuation = UnsafeContinuation<Result<Void, PostgresError>, Never>

    /// Pipeline mode.
    case none
    /// Results come until the server is done; the caller gets the last one, or the first error.
    case script(ResultContinuation, last: QueryResult?, failure: PostgresError?)
    /// COPY was sent; the caller waits for the server to agree.
    case copyStarting(ReadyContinuation, failure: PostgresError?)
    /// The caller sends; it waits here while the socket is full.
    case copyIn(ReadyContinuation?)
    /// The caller takes rows; it waits here while none is there.
    case copyOut(ReadyContinuation?)

    var isNone: Bool {
        if case .none = self { return true }
        return false
    }

    /// A consumer that isn't waiting is behind.
    var pausesReading: Bool {
        if case .copyOut(nil) = self { return true }
        return false
    }

    /// The socket has taken everything: a sender may go on.
    mutating func drained() -> Delivery? {
        guard case .copyIn(let continuation?) = self else { return nil }
        self = .copyIn(nil)
        return .ready(continuation, .success(()))
    }

    /// The connection is gone.
    mutating func end(_ error: PostgresError) -> Delivery? {
        defer { self = .none }
        switch self {
        case .none, .copyIn(nil), .copyOut(nil): return nil
        case .script(let continuation, _, let failure): return .one(continuation, .failure(failure ?? error))
        case .copyStarting(let continuation, let failure): return .ready(continuation, .failure(failure ?? error))
        case .copyIn(let continuation?), .copyOut(let continuation?): return .ready(continuation, .failure(error))
        }
    }
}

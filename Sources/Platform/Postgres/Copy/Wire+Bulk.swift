import CLibpq

/// One look for rows of a COPY out.
enum CopyLook: Sendable {
    case rows([UInt8], isLast: Bool)
    case nothingYet
    case end
}

extension Wire {
    /// Leaves pipeline mode and sends a text of one or more statements by the simple protocol.
    mutating func sendScript(_ text: String, _ task: BulkTask) throws(PostgresError) {
        let connection = try open()
        guard self.task.isNone, pipeline.isEmpty else { throw PostgresError(.configuration, "the session is busy with another request") }
        guard PQexitPipelineMode(connection) == 1, PQsendQuery(connection, text) == 1 else {
            throw .unsent(String(cString: PQerrorMessage(connection)))
        }
        self.task = task
        noteSent()
        flush()
    }

    mutating func collectBulk(_ connection: OpaquePointer, _ received: inout Received) {
        while PQisBusy(connection) == 0 {
            switch task {
            case .none, .copyIn: return
            case .copyOut(let waiter):
                if let waiter {
                    task = .copyOut(nil)
                    received.deliveries.append(.ready(waiter, .success(())))
                }
                return
            case .script(let continuation, let last, let failure):
                guard let result = PQgetResult(connection) else {
                    let isDoubtful = handle?.doubt.take() ?? false
                    let failure = failure ?? (isDoubtful ? PostgresError.unconfirmedCommit : nil)
                    return endBulk(connection, .one(continuation, failure.map(Result.failure) ?? success(last)), &received)
                }
                task = .script(continuation, last: last, failure: failure)
                if !take(result, connection, &received) { return }
            case .copyStarting(let continuation, let failure):
                guard let result = PQgetResult(connection) else {
                    let error = failure ?? PostgresError(.configuration, "the statement isn't a COPY")
                    return endBulk(connection, .ready(continuation, .failure(error)), &received)
                }
                let status = PQresultStatus(result)
                guard status == PGRES_COPY_IN || status == PGRES_COPY_OUT else {
                    if status == PGRES_FATAL_ERROR {
                        task = .copyStarting(continuation, failure: failure ?? PostgresError(result: result, statementName: nil))
                    }
                    PQclear(result)
                    continue
                }
                PQclear(result)
                task = status == PGRES_COPY_IN ? .copyIn(nil) : .copyOut(nil)
                received.deliveries.append(.ready(continuation, .success(())))
                return
            }
        }
        // A row may be there in part only: isBusy is about results, not about COPY data.
        if case .copyOut(let waiter?) = task {
            task = .copyOut(nil)
            received.deliveries.append(.ready(waiter, .success(())))
        }
    }

    /// Keeps one result of a script. False when there is nothing more to be had.
    private mutating func take(_ result: OpaquePointer, _ connection: OpaquePointer, _ received: inout Received) -> Bool {
        guard case .script(let continuation, let last, let failure) = task else { return false }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            task = .script(continuation, last: QueryResult(result), failure: failure)
        case PGRES_COPY_IN:
            PQclear(result)
            // Ends the COPY with an error, which comes back as the script's.
            return PQputCopyEnd(connection, "a script can't COPY from the client") == 1
        case PGRES_COPY_OUT:
            PQclear(result)
            // Nothing but an end of the connection stops a server that sends.
            received.closed = PostgresError(.configuration, "a script can't COPY to the client")
            return false
        default:
            task = .script(continuation, last: last, failure: failure ?? PostgresError(result: result, statementName: nil))
            PQclear(result)
            return PQstatus(connection) != CONNECTION_BAD
        }
        return true
    }

    private func success(_ last: QueryResult?) -> Result<QueryResult, PostgresError> {
        last.map(Result.success) ?? .failure(PostgresError(.connection, "no result", outcomeUnknown: true))
    }

    private mutating func endBulk(_ connection: OpaquePointer, _ delivery: Delivery, _ received: inout Received) {
        task = .none
        // Refused only when something is under way, and the results have just ended.
        precondition(PQenterPipelineMode(connection) == 1, "pipeline mode was refused")
        received.deliveries.append(delivery)
        noteAnswered()
    }

    /// Hands one chunk to libpq. True when the socket is full and the sender has to wait.
    mutating func copyChunk(_ chunk: ArraySlice<UInt8>) throws(PostgresError) -> Bool {
        let connection = try open()
        let sent = chunk.withUnsafeBytes { PQputCopyData(connection, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count)) }
        guard sent == 1 else { throw PostgresError(.connection, String(cString: PQerrorMessage(connection)), outcomeUnknown: true) }
        noteSent()
        flush()
        return isBlocked
    }

    /// Ends a COPY in: with `abort` the server drops it all.
    mutating func copyEnd(abort: String?, _ continuation: BulkTask.ResultContinuation) throws(PostgresError) {
        let connection = try open()
        guard PQputCopyEnd(connection, abort) == 1 else {
            throw PostgresError(.connection, String(cString: PQerrorMessage(connection)), outcomeUnknown: true)
        }
        task = .script(continuation, last: nil, failure: nil)
        flush()
        nudge()
    }

    /// Leaves a sender waiting for the socket; an answer at once when it needn't.
    mutating func awaitDrain(_ continuation: BulkTask.ReadyContinuation) -> Result<Void, PostgresError>? {
        guard handle != nil else { return .failure(.lostDuringCopy) }
        // The reactor may have sent the rest since.
        guard isBlocked else { return .success(()) }
        task = .copyIn(continuation)
        return nil
    }

    /// Leaves a consumer waiting for rows.
    mutating func awaitRows(_ continuation: BulkTask.ReadyContinuation) -> Result<Void, PostgresError>? {
        guard handle != nil else { return .failure(.lostDuringCopy) }
        task = .copyOut(continuation)
        updateInterest()
        return nil
    }

    /// All rows have been taken; what is left is the server's verdict.
    mutating func copyFinished(_ continuation: BulkTask.ResultContinuation) {
        guard handle != nil else { return continuation.resume(returning: .failure(.lostDuringCopy)) }
        task = .script(continuation, last: nil, failure: nil)
        nudge()
    }

    /// Takes what rows are there, up to 64 KiB and the row that passes it.
    func copyRows() throws(PostgresError) -> CopyLook {
        let connection = try open()
        var rows: [UInt8] = []
        while rows.count < 1 << 16 {
            var row: UnsafeMutablePointer<CChar>?
            let length = PQgetCopyData(connection, &row, 1)
            guard length > 0 else {
                if !rows.isEmpty, length != -2 { return .rows(rows, isLast: length == -1) }
                if length == -2 { throw PostgresError(.connection, String(cString: PQerrorMessage(connection))) }
                return length == 0 ? .nothingYet : .end
            }
            rows.append(contentsOf: UnsafeRawBufferPointer(start: row, count: Int(length)))
            PQfreemem(row)
        }
        return .rows(rows, isLast: false)
    }
}

extension PostgresError {
    fileprivate static var lostDuringCopy: PostgresError { PostgresError(.connection, "the connection was lost during a COPY", outcomeUnknown: true) }
}

import Deadlines

/// A caller's requests. Each awaits its answer; with `cancellable` a cancelled task gets `.cancelled` at once and the place in the queue
/// stays. What is not sent when the time of its request is up is not sent any more.
extension Connection {
    /// One autocommit statement.
    func query(_ statement: Statement, _ values: [SQLValue], cancellable: Bool = true) async throws(PostgresError) -> QueryResult {
        let token = nextToken()
        return try await abandoning(token, cancellable) {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<QueryResult, PostgresError>, Never>) in
                if cancellable, let reason = PostgresError.reasonNotToSend { return continuation.resume(returning: .failure(reason)) }
                do throws(PostgresError) {
                    try self.withWire { wire throws(PostgresError) in try wire.send(statement, values, .one(continuation), token: token) }
                } catch {
                    return self.refuse(error) { continuation.resume(returning: .failure($0)) }
                }
                // The handler may have run before the request was in the queue.
                if cancellable, Task.isCancelled { self.abandon(token) }
            }
        }.get()
    }

    /// One statement that only reads: it may share a group with those of other callers, and fails alone all the same.
    func read(_ statement: Statement, _ values: [SQLValue]) async throws(PostgresError) -> QueryResult {
        let token = nextToken()
        return try await abandoning(token, true) {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<QueryResult, PostgresError>, Never>) in
                if let reason = PostgresError.reasonNotToSend { return continuation.resume(returning: .failure(reason)) }
                self.send(SharedRead(query: Query(statement, values), reply: .task(continuation), token: token))
                if Task.isCancelled { self.abandon(token) }
            }
        }.get()
    }

    /// The same; the answer is a call, and its caller can't be cancelled.
    func read(_ query: Query, in queue: ReplyQueue, _ answer: @escaping @Sendable (ReadReply.Answer) -> Void) {
        send(SharedRead(query: query, reply: .call(queue, answer), token: 0))
    }

    private func send(_ read: SharedRead) {
        do throws(PostgresError) {
            let refused = try withWire { wire throws(PostgresError) in try wire.gather(read) }
            for delivery in refused { delivery.deliver() }
        } catch {
            refuse(error) { read.reply.give(.failure($0)) }
        }
    }

    /// Several statements under one sync. `onSent` is called once they are on their way.
    func group(_ queries: [Query], cancellable: Bool = true, onSent: () -> Void = {}) async throws(PostgresError) -> [QueryResult] {
        let token = nextToken()
        return try await abandoning(token, cancellable) {
            await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<[QueryResult], PostgresError>, Never>) in
                if cancellable, let reason = PostgresError.reasonNotToSend { return continuation.resume(returning: .failure(reason)) }
                do throws(PostgresError) {
                    try self.withWire { wire throws(PostgresError) in try wire.send(queries, .group(continuation), token: token) }
                } catch {
                    return self.refuse(error) { continuation.resume(returning: .failure($0)) }
                }
                onSent()
                if cancellable, Task.isCancelled { self.abandon(token) }
            }
        }.get()
    }

    /// A text of one or more statements by the simple protocol, as one implicit transaction unless it says otherwise. Answers the last result.
    func script(_ text: String, onSent: () -> Void = {}) async throws(PostgresError) -> QueryResult {
        let result = await withUnsafeContinuation { (continuation: BulkTask.ResultContinuation) in
            do throws(PostgresError) {
                try self.withWire { wire throws(PostgresError) in try wire.sendScript(text, .script(continuation, last: nil, failure: nil)) }
            } catch {
                return self.refuse(error) { continuation.resume(returning: .failure($0)) }
            }
            onSent()
        }
        return try result.get()
    }

    private func abandoning<T>(_ token: UInt64, _ cancellable: Bool, _ body: () async -> T) async -> T {
        guard cancellable else { return await body() }
        return await withTaskCancellationHandler(operation: body) { abandon(token) }
    }

    private func abandon(_ token: UInt64) {
        if let read = withWire({ $0.withdrawRead(token) }) { return read.reply.give(.failure(.cancelledUnsent)) }
        let completion = withWire { $0.pipeline.abandon(token) }
        switch completion {
        case .one(let continuation): continuation.resume(returning: .failure(.cancelled(outcomeUnknown: true)))
        case .group(let continuation): continuation.resume(returning: .failure(.cancelled(outcomeUnknown: true)))
        case .reads, .abandoned, nil: break
        }
    }

    /// A request that libpq wouldn't send for reasons of its own leaves the connection in doubt, so it is closed.
    func refuse(_ error: PostgresError, _ answer: (PostgresError) -> Void) {
        if error.kind == .connection { close(error) }
        answer(error)
    }
}

extension PostgresError {
    /// Nobody waits for the answer any more: the task was cancelled, or its request's time is up.
    fileprivate static var reasonNotToSend: PostgresError? {
        Task.isCancelled || Deadline.hasPassed ? .cancelledUnsent : nil
    }

    static var cancelledUnsent: PostgresError {
        var error = PostgresError.cancelled()
        error.isUnsent = true
        return error
    }
}

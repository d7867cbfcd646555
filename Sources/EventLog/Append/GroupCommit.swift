import EventSourcing
import Logging
import Postgres
import Synchronization

/// Group commit over independent requests: while one batch is in flight new requests gather, and the next batch takes them all. No timer, so an idle system has
/// one round trip of latency and a busy one has big batches; the append lock is taken once a batch instead of once a request.
final class GroupCommit: Sendable {
    private struct Waiting {
        let number: UInt64
        let request: SealedRequest
        let continuation: CheckedContinuation<AppendOutcome, any Error>
    }

    private struct State {
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var nextNumber: UInt64 = 0
        /// The sender, while it has nothing to send.
        var idle: CheckedContinuation<Void, Never>?
        var isClosed = false
    }

    private let pool: ConnectionPool
    private let limits: AppendLimits
    private let logger: Logger
    private let state = Mutex(State())

    init(_ pool: ConnectionPool, limits: AppendLimits, logger: Logger) {
        self.pool = pool
        self.limits = limits
        self.logger = logger
    }

    /// Queues a request and waits for its outcome. Refused at once when the queue is full; a request cancelled before it is sent is not sent.
    func append(_ request: SealedRequest) async throws -> AppendOutcome {
        let number = state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue(Waiting(number: number, request: request, continuation: continuation))
            }
        } onCancel: {
            withdraw(number)
        }
    }

    /// Sends batch after batch until cancelled; then refuses what still waits.
    func run() async throws {
        defer { close() }
        while !Task.isCancelled {
            let batch = await nextBatch()
            if !batch.isEmpty { await send(batch) }
        }
    }

    private func enqueue(_ waiting: Waiting) {
        let (refusal, idle): ((any Error)?, CheckedContinuation<Void, Never>?) = state.withLock { state in
            if Task.isCancelled { return (CancellationError(), nil) }
            if state.isClosed { return (EventStoreError.unavailable(reason: "the log is closing"), nil) }
            let bytes = waiting.request.byteCount
            if state.waiting.count >= limits.waitingRequests || state.waitingBytes + bytes > limits.waitingBytes {
                return (EventStoreError.unavailable(reason: "the append queue is full"), nil)
            }
            state.waiting.append(waiting)
            state.waitingBytes += bytes
            let idle = state.idle
            state.idle = nil
            return (nil, idle)
        }
        if let refusal { waiting.continuation.resume(throwing: refusal) }
        idle?.resume()
    }

    private func withdraw(_ number: UInt64) {
        let withdrawn: Waiting? = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
            let waiting = state.waiting.remove(at: index)
            state.waitingBytes -= waiting.request.byteCount
            return waiting
        }
        withdrawn?.continuation.resume(throwing: CancellationError())
    }

    /// Waits until something waits, then takes as much of it as fits one batch, in order. What touches the same stream or claim stays for the next.
    private func nextBatch() async -> [Waiting] {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if !state.waiting.isEmpty || Task.isCancelled { return true }
                    state.idle = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let idle = state.withLock { state in
                defer { state.idle = nil }
                return state.idle
            }
            idle?.resume()
        }
        return state.withLock { state in
            var batch = AppendBatch()
            var taken: [Waiting] = []
            var kept: [Waiting] = []
            for waiting in state.waiting {
                let fits =
                    batch.requests.count < limits.batchRequests && (batch.isEmpty || batch.byteCount + waiting.request.byteCount <= limits.batchBytes)
                if fits, batch.add(waiting.request) { taken.append(waiting) } else { kept.append(waiting) }
            }
            state.waiting = kept
            state.waitingBytes -= batch.byteCount
            return taken
        }
    }

    /// Sends one batch; when the database refuses it as a whole, its requests go singly, so that one request's fault is its own.
    private func send(_ batch: [Waiting]) async {
        do {
            let outcomes = try await commit(batch.map(\.request))
            for (waiting, outcome) in zip(batch, outcomes) { waiting.continuation.resume(returning: outcome) }
        } catch let error as PostgresError where batch.count > 1 && !error.isTransient && !error.outcomeUnknown {
            logger.debug("an append batch was refused, its requests are sent singly", metadata: ["requests": "\(batch.count)", "error": "\(error)"])
            for waiting in batch { await send([waiting]) }
        } catch let error as PostgresError where error.isTransient || error.outcomeUnknown {
            for waiting in batch { waiting.continuation.resume(throwing: EventStoreError.unavailable(reason: error.description)) }
        } catch {
            for waiting in batch { waiting.continuation.resume(throwing: error) }
        }
    }

    /// One call of the append function. After a lost connection the same batch is sent again: the command ids make that safe.
    private func commit(_ requests: [SealedRequest]) async throws -> [AppendOutcome] {
        var batch = AppendBatch()
        for request in requests where !batch.add(request) { throw EventStoreError.broken(reason: "requests of one batch depend on each other") }
        let values = batch.values
        let deadline = ContinuousClock.now + limits.retryFor
        var pause = Duration.milliseconds(20)
        var wasSent = false
        while true {
            do {
                let outcomes = try await pool.query(.append, values).outcomes(of: requests)
                return wasSent ? zip(outcomes, requests).map { $0.first($1.command) } : outcomes
            } catch let error as PostgresError
                where (error.isTransient || error.outcomeUnknown) && ContinuousClock.now < deadline && !Task.isCancelled
            {
                logger.warning(
                    "the log did not answer an append, it is sent again", metadata: ["error": "\(error)", "requests": "\(requests.count)"])
                wasSent = true
                try await Task.sleep(for: pause * Double.random(in: 0.5...1.5))
                pause = min(pause * 2, .seconds(1))
            }
        }
    }

    private func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiting in left { waiting.continuation.resume(throwing: EventStoreError.unavailable(reason: "the log is closing")) }
    }
}

extension AppendOutcome {
    /// The outcome of a batch that was sent again: what its lost first sending appended is this request's own, not a repeat.
    fileprivate func first(_ command: CommandReceipt.Key) -> AppendOutcome {
        if case .alreadyAppended(let receipt) = self, receipt.key == command { .appended(receipt) } else { self }
    }
}

import EventSourcing
import Synchronization

/// The requests that wait to be sent: bounded, in order, gathered into batches for the senders.
final class AppendQueue: Sendable {
    struct Waiting: Sendable {
        let number: UInt64
        let request: SealedRequest
        let continuation: CheckedContinuation<AppendOutcome, any Error>
    }

    /// A batch and who waits for each of its requests.
    struct Gathered: Sendable {
        var batch = AppendBatch()
        var waiting: [Waiting] = []

        init() {}

        /// A batch of one.
        init(_ waiting: Waiting) {
            take(waiting)
        }

        /// Takes a request in, unless it touches what another one of the batch touches.
        @discardableResult mutating func take(_ next: Waiting) -> Bool {
            guard batch.add(next.request) else { return false }
            waiting.append(next)
            return true
        }
    }

    private struct State {
        var waiting: [Waiting] = []
        var waitingBytes = 0
        var nextNumber: UInt64 = 0
        var batchesInFlight = 0
        /// Senders with nothing to send.
        var idle: [CheckedContinuation<Void, Never>] = []
        var isClosed = false
    }

    private let limits: AppendLimits
    private let state = Mutex(State())

    init(_ limits: AppendLimits) {
        self.limits = limits
    }

    /// Queues a request and waits until its sender answers it. Refused at once when the queue is full or closed; one cancelled before it is taken leaves the queue.
    func wait(for request: SealedRequest) async throws -> AppendOutcome {
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

    /// Waits until a batch is worth sending and takes it; nil when the task was cancelled. The sender tells of its end by `batchEnded`.
    func next() async -> Gathered? {
        while !Task.isCancelled {
            if let gathered = gather() { return gathered }
            await waitUntilWorthSending()
        }
        return nil
    }

    /// A batch has been answered.
    func batchEnded() {
        state.withLock { $0.batchesInFlight -= 1 }
    }

    /// Refuses what waits and whatever comes.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiting in left { waiting.continuation.resume(throwing: EventStoreError.unavailable(reason: "the log is closing")) }
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
            return (nil, isWorthSending(state) ? state.idle.popLast() : nil)
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

    private func isWorthSending(_ state: borrowing State) -> Bool {
        state.waiting.count >= (state.batchesInFlight == 0 ? 1 : limits.gatheredBehindBatch)
    }

    /// Takes as much as fits one batch, in order. What touches the same stream or claim stays for the next.
    private func gather() -> Gathered? {
        state.withLock { state -> Gathered? in
            guard isWorthSending(state) else { return nil }
            var gathered = Gathered()
            var kept: [Waiting] = []
            var seen = 0
            for waiting in state.waiting {
                let fits =
                    gathered.waiting.count < limits.batchRequests
                    && (gathered.waiting.isEmpty || gathered.batch.byteCount + waiting.request.byteCount <= limits.batchBytes)
                // Many that wait for one stream are not looked through again and again.
                guard fits, kept.count < limits.batchRequests else { break }
                seen += 1
                if !gathered.take(waiting) { kept.append(waiting) }
            }
            state.waiting.replaceSubrange(..<seen, with: kept)
            state.waitingBytes -= gathered.batch.byteCount
            state.batchesInFlight += 1
            return gathered
        }
    }

    private func waitUntilWorthSending() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if isWorthSending(state) || Task.isCancelled { return true }
                    state.idle.append(continuation)
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            // All senders end together.
            let idle = state.withLock { state in
                defer { state.idle = [] }
                return state.idle
            }
            for sender in idle { sender.resume() }
        }
    }
}

import EventSourcing
package import Postgres
import Synchronization

/// A request between its caller and its answer.
final class PendingAppend: Sendable {
    let request: SealedRequest
    private let answer = Mutex<Result<AppendOutcome, any Error>?>(nil)
    private let isAnswered = Signal()

    init(_ request: SealedRequest) { self.request = request }

    /// Ends the caller's wait. The first answer counts.
    func resolve(_ result: Result<AppendOutcome, any Error>) {
        answer.withLock { $0 = $0 ?? result }
        isAnswered.finish()
    }

    /// Waits for the answer. Throws what it says, and `CancellationError`.
    func outcome() async throws -> AppendOutcome {
        while true {
            if let answer = answer.withLock({ $0 }) { return try answer.get() }
            try await isAnswered.wait()
        }
    }
}

/// The requests that wait to be sent: bounded, in order, gathered into batches for the senders.
final class AppendQueue: Sendable {
    /// A batch, and the pending request behind each of its requests.
    struct Gathered: Sendable {
        var batch = AppendBatch()
        var pending: [PendingAppend] = []

        init() {}

        /// A batch of one.
        init(_ pending: PendingAppend) { take(pending) }

        /// Takes a request in, unless it touches what another one of the batch touches.
        @discardableResult mutating func take(_ next: PendingAppend) -> Bool {
            guard batch.add(next.request) else { return false }
            pending.append(next)
            return true
        }
    }

    private struct State {
        var waiting: [PendingAppend] = []
        var waitingBytes = 0
        var batchesInFlight = 0
        var isClosed = false
    }

    private let limits: AppendLimits
    private let state = Mutex(State())
    /// Raised when a batch may be worth sending; senders wait for it.
    private let work = Signal()

    init(_ limits: AppendLimits) { self.limits = limits }

    /// Queues a request and waits until its sender answers it. Refused at once when the queue is full or closed.
    ///
    /// A request cancelled before it is taken leaves the queue, with `CancellationError`. One cancelled later is appended all the same, and only the
    /// wait ends, with `EventStoreError.outcomeUnknown`.
    func wait(for request: SealedRequest) async throws -> AppendOutcome {
        try Task.checkCancellation()
        let pending = PendingAppend(request)
        try enqueue(pending)
        do {
            return try await pending.outcome()
        } catch let cancellation as CancellationError {
            throw withdraw(pending) ? cancellation : EventStoreError.outcomeUnknown
        }
    }

    /// Waits until a batch is worth sending and takes it; nil when the task was cancelled. The sender tells of its end by `batchEnded`.
    func next() async -> Gathered? {
        while !Task.isCancelled {
            if let gathered = gather() { return gathered }
            do { try await work.wait() } catch { return nil }
        }
        return nil
    }

    /// Requests that wait now, and how many may.
    var load: (waiting: Int, limit: Int) { (state.withLock { $0.waiting.count }, limits.waitingRequests) }

    /// A batch has been answered.
    func batchEnded() { state.withLock { $0.batchesInFlight -= 1 } }

    /// Refuses the requests that wait and all later ones.
    func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for pending in left { pending.resolve(.failure(EventStoreError.unavailable(reason: "the log is closing"))) }
    }

    private func enqueue(_ pending: PendingAppend) throws(EventStoreError) {
        let isWorth = try state.withLock { state throws(EventStoreError) in
            if state.isClosed { throw .unavailable(reason: "the log is closing") }
            let bytes = pending.request.byteCount
            if state.waiting.count >= limits.waitingRequests || state.waitingBytes + bytes > limits.waitingBytes {
                throw .unavailable(reason: "the append queue is full")
            }
            state.waiting.append(pending)
            state.waitingBytes += bytes
            return isWorthSending(state)
        }
        if isWorth { work.raise() }
    }

    /// Takes a request out of the queue; false when it is sent already.
    private func withdraw(_ pending: PendingAppend) -> Bool {
        state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0 === pending }) else { return false }
            state.waiting.remove(at: index)
            state.waitingBytes -= pending.request.byteCount
            return true
        }
    }

    private func isWorthSending(_ state: borrowing State) -> Bool {
        state.waiting.count >= (state.batchesInFlight == 0 ? 1 : limits.gatheredBehindBatch)
    }

    /// Takes as much as fits one batch, in order. What touches the same stream or claim stays for the next.
    private func gather() -> Gathered? {
        state.withLock { state -> Gathered? in
            guard isWorthSending(state) else { return nil }
            var gathered = Gathered()
            var kept: [PendingAppend] = []
            var seen = 0
            for pending in state.waiting {
                let fits =
                    gathered.pending.count < limits.batchRequests
                    && (gathered.pending.isEmpty || gathered.batch.byteCount + pending.request.byteCount <= limits.batchBytes)
                // Many that wait for one stream are not looked through again and again.
                guard fits, kept.count < limits.batchRequests else { break }
                seen += 1
                if !gathered.take(pending) { kept.append(pending) }
            }
            state.waiting.replaceSubrange(..<seen, with: kept)
            state.waitingBytes -= gathered.batch.byteCount
            state.batchesInFlight += 1
            return gathered
        }
    }
}

/// Bounds of the append queue.
package struct AppendLimits: Sendable {
    /// Requests in one batch.
    package var batchRequests = 500
    /// Bytes of event data in one batch.
    package var batchBytes = 4 << 20
    /// Batches sent and not yet answered.
    package var batchesInFlight = 2
    /// How many requests must have gathered for a batch to follow one that is in flight.
    package var gatheredBehindBatch = 32
    /// Requests that may wait; one more is refused at once.
    package var waitingRequests = 10_000
    /// Bytes of event data that may wait.
    package var waitingBytes = 64 << 20
    /// How long one batch is sent again over lost connections before its requests are refused.
    package var retryFor: Duration = .seconds(10)

    package init() {}
}

extension PoolLimits {
    /// One connection that carries all appends of a process, batch behind batch: two would only wait for each other at the append lock. Nothing else
    /// rides on it, so no read waits behind a batch.
    package static func appends(_ limits: PoolLimits = PoolLimits()) -> PoolLimits {
        var limits = limits
        limits.multiplexedConnections = 1
        limits.maximumConnections = 2
        return limits
    }
}

import EventSourcing
import Logging
import Postgres
import Synchronization

/// Group commit over independent requests: while a batch is in flight new requests gather, and the next batch takes them all. No timer, so an idle
/// system has one round trip of latency and a busy one has big batches; the append lock is taken once a batch instead of once a request.
///
/// A second batch follows the first down the same connection without waiting for its answer, but only when enough requests have gathered: the server
/// then never waits for this process, and a batch is still worth its commit.
final class GroupCommit: Sendable {
    private let pool: ConnectionPool
    private let limits: AppendLimits
    private let onCommit: @Sendable (_ head: Int64) -> Void
    private let logger: Logger
    private let queue: AppendQueue
    private let metrics = AppendMetrics()
    private let counts = Mutex(AppendStatistics())
    private let optimism = Mutex(Optimism())

    /// - Parameter onCommit: is told the last position of each batch that has added events, before the callers are.
    init(_ pool: ConnectionPool, limits: AppendLimits, logger: Logger, onCommit: @escaping @Sendable (_ head: Int64) -> Void) {
        self.pool = pool
        self.limits = limits
        self.onCommit = onCommit
        self.logger = logger
        queue = AppendQueue(limits)
    }

    var statistics: AppendStatistics { counts.withLock { $0 } }

    /// Requests that wait to be sent, and how many may.
    var load: (waiting: Int, limit: Int) { queue.load }

    /// Queues a request and waits for its outcome: see `AppendQueue.wait(for:)`.
    func append(_ request: SealedRequest) async throws -> AppendOutcome { try await queue.wait(for: request) }

    /// Sends batch after batch until cancelled; then refuses what still waits.
    func run() async throws {
        defer { queue.close() }
        await withTaskGroup(of: Void.self) { senders in
            for _ in 0..<limits.batchesInFlight {
                senders.addTask {
                    while let gathered = await self.queue.next() {
                        await self.send(gathered)
                        self.queue.batchEnded()
                    }
                }
            }
        }
    }

    /// Sends one batch; when the database refuses it as a whole, its requests go singly, so that one request's fault is its own.
    private func send(_ gathered: AppendQueue.Gathered) async {
        do {
            let outcomes = try await commit(gathered.batch)
            if let last = outcomes.compactMap(\.addedThrough).max() { onCommit(last) }
            for (pending, outcome) in zip(gathered.pending, outcomes) { pending.resolve(.success(outcome)) }
        } catch let error as PostgresError where gathered.pending.count > 1 && !error.isTransient && !error.outcomeUnknown {
            logger.debug(
                "an append batch was refused, its requests are sent singly",
                metadata: ["requests": "\(gathered.pending.count)", "error": "\(error)"])
            for pending in gathered.pending { await send(.init(pending)) }
        } catch let error as PostgresError where error.outcomeUnknown {
            for pending in gathered.pending { pending.resolve(.failure(EventStoreError.outcomeUnknown)) }
        } catch let error as PostgresError where error.isTransient {
            for pending in gathered.pending { pending.resolve(.failure(EventStoreError.unavailable(reason: error.description))) }
        } catch {
            for pending in gathered.pending { pending.resolve(.failure(error)) }
        }
    }

    /// The outcomes of a batch. Tried optimistically where that may pay; when the log refuses that, the batch falls back to every look-up.
    private func commit(_ batch: AppendBatch) async throws -> [AppendOutcome] {
        guard batch.mayBeOptimistic, optimism.withLock({ $0.mayTry() }) else { return try await call(batch, optimistic: false) }
        do {
            return try await call(batch, optimistic: true)
        } catch let error as PostgresError where error.sqlState == .uniqueViolation || error.sqlState == .optimismRefused {
            optimism.withLock { $0.pause() }
            return try await call(batch, optimistic: false)
        }
    }

    /// One call of the append function. After a lost connection the same batch is sent again: the command ids make that safe. Throws
    /// `EventStoreError.outcomeUnknown` when the log could not be asked in time whether it took the batch the first time.
    private func call(_ batch: AppendBatch, optimistic: Bool) async throws -> [AppendOutcome] {
        counts.withLock { $0.count(batch) }
        let values = batch.values
        let deadline = ContinuousClock.now + limits.retryFor
        var backoff = Backoff(from: .milliseconds(20), to: .seconds(1))
        var wasSent = false
        var isUnknown = false
        while true {
            do {
                let start = ContinuousClock.now
                // A batch that is sent again may well have been appended the first time.
                let result = try await pool.query(.append, [.bool(optimistic && !wasSent)] + values)
                let outcomes = try result.outcomes(of: batch.requests)
                tell(clockLag: try result.clockLag)
                metrics.record(outcomes, after: ContinuousClock.now - start)
                return wasSent ? zip(outcomes, batch.requests).map { $0.first($1) } : outcomes
            } catch let error as PostgresError
                where error.isTransient || error.outcomeUnknown
            {
                isUnknown = isUnknown || error.outcomeUnknown
                guard ContinuousClock.now < deadline, !Task.isCancelled else {
                    if isUnknown { throw EventStoreError.outcomeUnknown }
                    throw error
                }
                logger.warning(
                    "the log did not answer an append, it is sent again",
                    metadata: ["error": "\(error)", "requests": "\(batch.requests.count)"])
                wasSent = true
                do {
                    try await Task.sleep(for: backoff.next())
                } catch {
                    throw isUnknown ? EventStoreError.outcomeUnknown : error
                }
            }
        }
    }
}

extension GroupCommit {
    /// Event times never decrease. After the clock is set back, new events get the last event's time, and the operator is warned.
    private func tell(clockLag lag: Duration) {
        let before = counts.withLock { counts in
            defer { counts.clockLag = lag }
            return counts.clockLag
        }
        if before == .zero, lag > .zero {
            logger.warning(
                "the log's database has set its clock back: new events get the last event's time until the clock has caught up",
                metadata: ["behind": "\(lag)"])
        } else if before > .zero, lag == .zero {
            logger.notice("the clock of the log's database has caught up")
        }
    }
}

/// Whether batches are sent optimistically. A refused one is sent twice, so it is followed by some that are not: where repeats, conflicts and taken
/// values are common, hardly any are.
private struct Optimism {
    private var batchesToSkip = 0

    mutating func mayTry() -> Bool {
        guard batchesToSkip > 0 else { return true }
        batchesToSkip -= 1
        return false
    }

    mutating func pause() { batchesToSkip = 64 }
}

/// How many requests the log has sent, in how many batches.
package struct AppendStatistics: Sendable {
    package private(set) var batches = 0
    package private(set) var requests = 0
    /// By how much the database's clock was behind the last event's time at the last batch.
    package fileprivate(set) var clockLag = Duration.zero

    fileprivate mutating func count(_ batch: AppendBatch) {
        batches += 1
        requests += batch.requests.count
    }
}

extension AppendOutcome {
    /// The last position that the request has added to the log; nil when it has added none.
    fileprivate var addedThrough: Int64? {
        guard case .appended(let receipt) = self, receipt.firstPosition != nil else { return nil }
        return receipt.lastPosition
    }

    /// The outcome of a request that was sent twice. If its first sending was appended, that is `.appended`, not a repeat. A receipt at another
    /// version belongs to a concurrent call of the same command and stays `.alreadyAppended`.
    fileprivate func first(_ request: SealedRequest) -> AppendOutcome {
        guard case .alreadyAppended(let receipt) = self, receipt.key == request.command, receipt.version == request.versionAfter ?? receipt.version
        else { return self }
        return .appended(receipt)
    }
}

extension SQLState {
    /// Raised by an optimistic `log.append` that would refuse a request.
    fileprivate static let optimismRefused = SQLState(rawValue: "AN004")
}

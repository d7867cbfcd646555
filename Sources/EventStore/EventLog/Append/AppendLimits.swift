package import Postgres

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
    package static var appends: PoolLimits {
        var limits = PoolLimits()
        limits.multiplexedConnections = 1
        limits.maximumConnections = 2
        // A caller is better told soon that the log is away than kept until its own patience ends.
        limits.acquireTimeout = .seconds(3)
        return limits
    }
}

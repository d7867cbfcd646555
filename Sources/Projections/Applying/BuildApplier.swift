import EventSourcing
import Postgres

/// Applies events to the tables of one build, each batch whole or not at all, and parks the streams whose events can not be applied.
struct BuildApplier {
    let build: Build
    let pool: ConnectionPool
    var parked: ParkedStreams
    /// Tries of an event at fault before its stream is parked, the first included.
    static let tries = 4

    /// What became of some events.
    struct Outcome {
        /// The failures whose streams were parked.
        var failures: [EventFailure] = []
    }

    /// Applies events in order. `advance` gives the query that records a batch up to and including its last event, and is told when that is committed.
    /// - Throws: `TooManyParked`, and whatever is not an event's fault; all batches committed before stay so.
    mutating func apply(_ events: [RecordedEvent], advancing progress: inout some Progress) async throws -> Outcome {
        var outcome = Outcome()
        var rest = events[...]
        while !rest.isEmpty {
            do {
                try await commit(rest, &progress)
                break
            } catch let failure as EventFailure {
                let before = rest.prefix { $0.position < failure.position }
                if !before.isEmpty { try await commit(before, &progress) }
                rest = rest.dropFirst(before.count)
                guard let culprit = rest.popFirst() else { break }
                if let lasting = try await applyOrPark(culprit, &progress) { outcome.failures.append(lasting) }
            } catch is UnclearFault {
                let half = rest.prefix(rest.count / 2)
                outcome.failures += try await apply(Array(half), advancing: &progress).failures
                rest = rest.dropFirst(half.count)
            }
        }
        return outcome
    }

    private mutating func commit(_ events: ArraySlice<RecordedEvent>, _ progress: inout some Progress) async throws {
        guard let last = events.last else { return }
        let batch = try Batch(events, to: build, parked: parked, first: progress.query(movingTo: last))
        do {
            try await pool.atomically(batch.queries)
        } catch {
            if let failure = batch.failure(error) { throw failure }
            throw error.isFaultOfEvent ? UnclearFault() : error
        }
        parked.release(batch.closed)
        progress.moved(to: last)
    }

    /// Tries one event some more times, since what it collided with may be gone a moment later; nil when it went through after all.
    private mutating func applyOrPark(_ event: RecordedEvent, _ progress: inout some Progress) async throws -> EventFailure? {
        var delays = RetryDelays()
        var failure = EventFailure(event, nil)
        for _ in 1..<Self.tries {
            try await delays.wait()
            do {
                try await commit([event], &progress)
                return nil
            } catch let again as EventFailure {
                failure = again
            }
        }
        var queries = [Query.park(failure, of: build.number)]
        if let advance = progress.query(movingTo: event) { queries.insert(advance, at: 0) }
        do {
            try await pool.atomically(queries)
        } catch {
            throw error.sqlState == .tooManyParked ? TooManyParked(last: failure) : error
        }
        parked.park(event.stream)
        progress.moved(to: event)
        return failure
    }
}

/// Where the progress of a build is recorded, in the transaction that changes its rows.
protocol Progress {
    /// The query that records that everything up to this event is applied; nil where that is recorded otherwise.
    func query(movingTo event: RecordedEvent) -> Query?
    /// It is committed.
    mutating func moved(to event: RecordedEvent)
}

/// More streams fail than data could be at fault for.
struct TooManyParked: Error {
    let last: EventFailure
}

/// An event is at fault, and it can not be told which.
private struct UnclearFault: Error {}

extension SQLState {
    /// More than 20 streams were to be parked within a minute.
    static let tooManyParked = SQLState(rawValue: "AN011")
}

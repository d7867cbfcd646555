import EventSourcing
import Postgres

/// Applies events to the tables of one build, each batch whole or not at all, and parks the streams whose events can not be applied.
struct BuildApplier {
    let build: Build
    let pool: ConnectionPool
    private(set) var parked: ParkedStreams
    /// Whether set forms are used; they are to come to the same.
    let usesSets: Bool
    /// The failures whose streams were parked and that nobody has asked for yet.
    private var failures: [EventFailure] = []
    /// Tries of an event at fault before its stream is parked, the first included.
    static let tries = 4

    init(build: Build, pool: ConnectionPool, parked: ParkedStreams, usesSets: Bool = true) {
        self.build = build
        self.usesSets = usesSets
        self.pool = pool
        self.parked = parked
    }

    /// The failures whose streams were parked since this was asked last; also those before an error.
    mutating func takeFailures() -> [EventFailure] {
        defer { failures = [] }
        return failures
    }

    /// Applies events in order. `progress` gives the query that records a batch up to its last event, and is told when that is committed.
    /// - Throws: `TooManyParked`, and whatever is not an event's fault; all batches committed before stay so.
    mutating func apply(_ events: [RecordedEvent], advancing progress: inout some Progress) async throws {
        var rest = events[...]
        var usingSets = usesSets
        while !rest.isEmpty {
            do {
                try await commit(rest, usingSets: usingSets, &progress)
                break
            } catch is SetFault {
                // One by one they tell whose fault it is.
                usingSets = false
            } catch let failure as EventFailure {
                let before = rest.prefix { $0.position < failure.position }
                if !before.isEmpty { try await commit(before, usingSets: false, &progress) }
                usingSets = usesSets
                rest = rest.dropFirst(before.count)
                guard let culprit = rest.popFirst() else { break }
                try await applyOrPark(culprit, &progress)
            } catch is UnclearFault {
                let half = rest.prefix(rest.count / 2)
                try await apply(Array(half), advancing: &progress)
                rest = rest.dropFirst(half.count)
            }
        }
    }

    private mutating func commit(_ events: ArraySlice<RecordedEvent>, usingSets: Bool, _ progress: inout some Progress) async throws {
        guard let last = events.last else { return }
        let batch = try Batch(events, to: build, parked: parked, first: progress.query(movingTo: last), usingSets: usingSets)
        do {
            try await pool.atomically(batch.queries)
        } catch {
            switch batch.fault(error) {
            case .event(let failure): throw failure
            case .set: throw SetFault()
            case .unclear: throw UnclearFault()
            case nil: throw error
            }
        }
        parked.release(batch.closed)
        progress.moved(to: last)
    }

    /// Tries one event some more times, since what it collided with may be gone a moment later; then parks its stream.
    private mutating func applyOrPark(_ event: RecordedEvent, _ progress: inout some Progress) async throws {
        var delays = RetryDelays()
        var failure = EventFailure(event, nil)
        for _ in 1..<Self.tries {
            try await delays.wait()
            do {
                try await commit([event], usingSets: false, &progress)
                return
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
        parked.park(event.stream.id)
        progress.moved(to: event)
        failures.append(failure)
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

/// An event of a set is at fault.
private struct SetFault: Error {}

/// An event is at fault, and it can not be told which.
private struct UnclearFault: Error {}

extension SQLState {
    /// More than 20 streams were to be parked within a minute.
    static let tooManyParked = SQLState(rawValue: "AN011")
}

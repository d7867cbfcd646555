import EventSourcing
import Postgres

/// Applies events to the tables of one build, each batch whole or not at all, and parks the streams whose events can't be applied.
struct BuildApplier {
    let build: Build
    let pool: ConnectionPool
    private(set) var parked: ParkedStreams
    /// Whether to use set statements where they exist. The result must be the same.
    private let usesSets: Bool
    /// The failures whose streams were parked, until `takeFailures()`.
    private var failures: [EventFailure] = []
    /// Tries of an event at fault before its stream is parked, the first included.
    static let tries = 4

    init(build: Build, pool: ConnectionPool, parked: ParkedStreams, usesSets: Bool = true) {
        self.build = build
        self.usesSets = usesSets && !build.model.sets.isEmpty
        self.pool = pool
        self.parked = parked
    }

    /// The failures whose streams were parked since this was asked last; also those before an error.
    mutating func takeFailures() -> [EventFailure] {
        defer { failures = [] }
        return failures
    }

    /// Applies events in order. `progress` gives the query that records a batch up to its last event, and is told when that is committed.
    /// - Throws: `TooManyParked`, and any error that is not an event's fault; all batches committed before stay so.
    mutating func apply(_ events: [RecordedEvent], advancing progress: inout some Progress) async throws {
        var rest = events[...]
        while !rest.isEmpty {
            if usesSets, try await commit(rest, inGroups: true, &progress) == nil { return }
            // Groups are not in the order of the log, so the first to fail there need not be the first at fault.
            rest = try await applyThroughFault(rest, &progress)
        }
    }

    /// Applies events one by one, in the order of the log, through the first at fault, whose stream is parked. Returns what comes after.
    private mutating func applyThroughFault(
        _ events: ArraySlice<RecordedEvent>, _ progress: inout some Progress
    ) async throws -> ArraySlice<RecordedEvent> {
        var before = events
        var failure: EventFailure?
        while let fault = try await commit(before, inGroups: false, &progress) {
            switch fault {
            case .event(let found):
                // There may be one before it: data that can't be read shows before anything is sent.
                before = before.prefix { $0.position < found.position }
                failure = found
            case .unclear:
                before = before.prefix(before.count / 2)
                failure = nil
            }
        }
        let rest = events[before.endIndex...]
        guard let failure, let culprit = rest.first else { return rest }
        try await applyOrPark(culprit, failure, &progress)
        return rest.dropFirst()
    }

    /// All of the events or, when one of them is at fault, none.
    private mutating func commit(_ events: ArraySlice<RecordedEvent>, inGroups: Bool, _ progress: inout some Progress) async throws -> Batch.Fault? {
        guard let last = events.last else { return nil }
        let batch: Batch
        do {
            batch = try Batch(events, to: build, parked: parked, first: progress.query(movingTo: last), inGroups: inGroups)
        } catch {
            return error
        }
        do {
            try await pool.atomically(batch.queries)
        } catch {
            guard let fault = batch.fault(error) else { throw error }
            return fault
        }
        parked.release(batch.closed)
        progress.moved(to: last)
        return nil
    }

    /// Tries one event some more times, since what it collided with may be gone a moment later; then parks its stream.
    private mutating func applyOrPark(_ event: RecordedEvent, _ failure: EventFailure, _ progress: inout some Progress) async throws {
        var backoff = Backoff(from: .milliseconds(50), to: .seconds(5))
        var failure = failure
        for _ in 1..<Self.tries {
            try await Task.sleep(for: backoff.next())
            guard let fault = try await commit([event], inGroups: false, &progress) else { return }
            if case .event(let again) = fault { failure = again }
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

extension SQLState {
    /// More than 20 streams were to be parked within a minute.
    static let tooManyParked = SQLState(rawValue: "AN011")
}

/// One set of tables of a read model, and the SQL that made them and keeps them current.
struct Build: Sendable {
    /// Its number among all builds of the read database.
    let number: Int64
    let model: ReadModel
    /// The digest of `model`'s files, in hexadecimal.
    let version: String
}

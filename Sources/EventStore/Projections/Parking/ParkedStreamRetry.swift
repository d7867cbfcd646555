package import EventSourcing
import FoundationEssentials
import Postgres

/// Applies the parked events of a stream to the live tables, and those of the streams of its id that wait with it, in order, until one fails again.
package struct ParkedStreamRetry: Sendable {
    /// The outcome for one stream.
    package struct Outcome: Sendable, Hashable {
        package let stream: StreamName
        /// How many events were applied, of this stream and of those that wait with it.
        package var applied = 0
        /// The one that failed again; nil when nothing waits any more.
        package var failure: String?
    }

    /// Events that are applied in one transaction, at most: some tenths of a second in which the model waits.
    static let portion = 500

    let build: Build
    let pool: ConnectionPool
    let store: any EventStore

    /// The streams at fault, in the order of their failures.
    func streams() async throws -> [StreamName] {
        try await pool.query(.streamsAtFault, [.int8(build.number)]).compactMap { StreamName(try $0.get(0, as: String.self)) }
    }

    /// In portions, each a transaction under the checkpoint's lock, so that the model goes on between them. Order holds, since a stream stays parked
    /// until nothing waits: then the model's next lease token has a projector at work read anew what is parked before it writes again.
    func run(_ stream: StreamName, discarding discarded: Int64? = nil) async throws -> Outcome {
        var outcome = Outcome(stream: stream)
        var discarded = discarded
        while true {
            // Read before the lock is taken: meanwhile only later events can queue up.
            let events = try await pages(of: stream.id)
            let isDone = try await pool.withTransaction { session in
                guard try await ProjectionCheckpoint.lock(build, in: session) else { throw ParkedEventsError.rebuilt(build.model.name) }
                if let discarded { try await session.query(.discardEvent, [.int8(build.number), .int8(discarded)]) }
                let before = outcome.applied
                let isThrough = try await apply(events, of: stream.id, in: session, &outcome)
                let isWaiting = try await session.query(.isWaiting, [.int8(build.number), .uuid(stream.id)]).count > 0
                // Also for processes that keep answers: the tables change, and their position does not.
                if outcome.applied > before || !isWaiting { try await ProjectionCheckpoint.raiseLeaseToken(build.model.name, in: session) }
                return !isThrough || !isWaiting
            }
            discarded = nil
            if isDone { return outcome }
        }
    }

    /// Events of the streams of an id that wait, from the first of each on, with others between them; empty when none does. Enough to go on with: the
    /// first that waits is among them.
    private func pages(of id: UUID) async throws -> [Int64: RecordedEvent] {
        var events: [Int64: RecordedEvent] = [:]
        for row in try await pool.query(.firstOfStreams, [.int8(build.number), .uuid(id)]) {
            for event in try await read(row.get(1), from: row.get(0)) { events[event.position] = event }
        }
        return events
    }

    /// A page of a stream, from its event at a position on.
    private func read(_ name: String, from position: Int64) async throws -> [RecordedEvent] {
        guard let first = try await store.read(after: position - 1, limit: 1).first, first.position == position, first.stream.description == name
        else {
            throw EventStoreError.broken(reason: "the log does not hold the parked event at \(position)")
        }
        return try await store.read(StreamRead(first.stream, versions: first.version...Int.max), limit: Self.portion)
    }

    /// Applies what waits for an id, in the order of the log, up to what was not read; false when one fails again.
    private func apply(_ events: [Int64: RecordedEvent], of id: UUID, in session: Session, _ outcome: inout Outcome) async throws -> Bool {
        for row in try await session.query(.waiting, [.int8(build.number), .uuid(id), .int8(Int64(Self.portion))]) {
            // It has queued up since, perhaps of a stream of which none did before.
            guard let event = try events[row.get(0)] else { return true }
            if let failure = try await apply(event, in: session) {
                try await session.query(
                    .noteFailedAgain,
                    [
                        .int8(build.number), .int8(event.position), .text(optional: failure.sqlState?.rawValue),
                        .text(optional: failure.cause),
                    ])
                outcome.failure = failure.description
                return false
            }
            outcome.applied += 1
        }
        return true
    }

    /// Under a savepoint, so that a failure takes back this event and none before it. It is released: thousands of open ones would each slow the
    /// next.
    private func apply(_ event: RecordedEvent, in session: Session) async throws -> EventFailure? {
        let unpark = Query(.unpark, [.int8(build.number), .int8(event.position)])
        guard let statement = build.model.statements[event.type] else {
            _ = try await session.pipelined([unpark])
            return nil
        }
        let query: Query
        do {
            query = try statement.query(for: event)
        } catch {
            return EventFailure(event, nil)
        }
        do {
            _ = try await session.pipelined([Query(.savepoint), query, Query(.releaseSavepoint), unpark])
            return nil
        } catch {
            guard error.isFaultOfEvent else { throw error }
            try await session.query(.rollbackToSavepoint)
            return EventFailure(event, error)
        }
    }
}

extension Statement {
    fileprivate static let streamsAtFault = Statement(
        "streams_at_fault",
        """
        SELECT stream FROM (
            SELECT DISTINCT ON (stream_id) stream, position FROM annals.parked_events
            WHERE build = $1 AND state <> 'discarded' ORDER BY stream_id, position
        ) AS first ORDER BY position
        """)
    fileprivate static let firstOfStreams = Statement(
        "first_of_streams",
        """
        SELECT min(position), stream FROM annals.parked_events
        WHERE build = $1 AND stream_id = $2 AND state <> 'discarded' GROUP BY stream
        """)
    fileprivate static let waiting = Statement(
        "waiting",
        """
        SELECT position FROM annals.parked_events
        WHERE build = $1 AND stream_id = $2 AND state <> 'discarded' ORDER BY position LIMIT $3
        """)
    fileprivate static let isWaiting = Statement(
        "is_waiting", "SELECT FROM annals.parked_events WHERE build = $1 AND stream_id = $2 AND state <> 'discarded' LIMIT 1")
    fileprivate static let discardEvent = Statement(
        "discard_event", "UPDATE annals.parked_events SET state = 'discarded' WHERE build = $1 AND position = $2")
    fileprivate static let unpark = Statement("unpark", "DELETE FROM annals.parked_events WHERE build = $1 AND position = $2")
    fileprivate static let noteFailedAgain = Statement(
        "note_failed_again",
        "UPDATE annals.parked_events SET state = 'failed', sqlstate = $3, violated = $4 WHERE build = $1 AND position = $2")
    fileprivate static let savepoint = Statement("savepoint", "SAVEPOINT event")
    fileprivate static let releaseSavepoint = Statement("release_savepoint", "RELEASE SAVEPOINT event")
    fileprivate static let rollbackToSavepoint = Statement("rollback_to_savepoint", "ROLLBACK TO SAVEPOINT event")
}

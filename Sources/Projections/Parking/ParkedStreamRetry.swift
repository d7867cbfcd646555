package import EventSourcing
import Postgres

/// Applies the parked events of a stream to the live tables, in order, until one fails again.
package struct ParkedStreamRetry: Sendable {
    /// What became of one stream.
    package struct Outcome: Sendable, Hashable {
        package let stream: StreamName
        /// How many of its events were applied.
        package var applied = 0
        /// The one that failed again; nil when nothing waits any more.
        package var failure: String?
    }

    let build: Build
    let pool: ConnectionPool
    let store: any EventStore

    /// The streams that wait, in the order of their failures.
    func streams() async throws -> [StreamName] {
        try await pool.query(.parkedStreams, [.int8(build.number)]).compactMap { StreamName(try $0.get(0, as: String.self)) }
    }

    /// One transaction. It takes the model's next lease token, so that a projector at work reads anew what is parked before it writes again.
    func run(_ stream: StreamName, discarding discarded: Int64? = nil) async throws -> Outcome {
        try await pool.withTransaction { session in
            let locked = try await session.query(.fenceCheckpoint, [.text(build.model.name), .int8(build.number)])
            guard locked.count == 1 else { throw ParkedEventsError.rebuilt(build.model.name) }
            if let discarded { try await session.query(.discardEvent, [.int8(build.number), .int8(discarded)]) }
            var outcome = Outcome(stream: stream)
            for row in try await session.query(.waitingPositions, [.int8(build.number), .text(stream.description)]) {
                let position: Int64 = try row.get(0)
                if let failure = try await apply(try await event(at: position), in: session) {
                    try await session.query(
                        .noteFailedAgain,
                        [
                            .int8(build.number), .int8(position), .text(optional: failure.sqlState?.rawValue),
                            .text(optional: failure.constraint),
                        ])
                    outcome.failure = failure.description
                    break
                }
                try await session.query(.unpark, [.int8(build.number), .int8(position)])
                outcome.applied += 1
            }
            return outcome
        }
    }

    private func event(at position: Int64) async throws -> RecordedEvent {
        guard let event = try await store.read(after: position - 1, limit: 1).first, event.position == position else {
            throw EventStoreError.broken(reason: "the log does not hold the parked event at \(position)")
        }
        return event
    }

    /// Under a savepoint, so that a failure takes back this event and none before it.
    private func apply(_ event: RecordedEvent, in session: Session) async throws -> EventFailure? {
        guard let statement = build.model.statements[event.type] else { return nil }
        let query: Query
        do {
            query = try statement.query(for: event)
        } catch {
            return EventFailure(event, nil)
        }
        do {
            try await session.pipelined([Query(.savepoint), query])
            return nil
        } catch {
            guard error.isFaultOfEvent else { throw error }
            try await session.query(.rollbackToSavepoint)
            return EventFailure(event, error)
        }
    }
}

extension Statement {
    fileprivate static let fenceCheckpoint = Statement(
        "fence_checkpoint", "UPDATE annals.checkpoints SET lease_token = lease_token + 1 WHERE model = $1 AND build = $2 RETURNING position")
    fileprivate static let parkedStreams = Statement(
        "parked_streams",
        "SELECT stream FROM annals.parked_events WHERE build = $1 AND state <> 'discarded' GROUP BY stream ORDER BY min(position)")
    fileprivate static let waitingPositions = Statement(
        "waiting_positions",
        "SELECT position FROM annals.parked_events WHERE build = $1 AND stream = $2 AND state <> 'discarded' ORDER BY position")
    fileprivate static let discardEvent = Statement(
        "discard_event", "UPDATE annals.parked_events SET state = 'discarded' WHERE build = $1 AND position = $2")
    fileprivate static let unpark = Statement("unpark", "DELETE FROM annals.parked_events WHERE build = $1 AND position = $2")
    fileprivate static let noteFailedAgain = Statement(
        "note_failed_again",
        "UPDATE annals.parked_events SET state = 'failed', sqlstate = $3, violated = $4 WHERE build = $1 AND position = $2")
    fileprivate static let savepoint = Statement("savepoint", "SAVEPOINT event")
    fileprivate static let rollbackToSavepoint = Statement("rollback_to_savepoint", "ROLLBACK TO SAVEPOINT event")
}

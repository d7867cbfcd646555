import FoundationEssentials
import Postgres

/// How far one version of a read model has come, as stored.
struct Checkpoint: Equatable {
    let version: String
    /// The number of the tables that are live.
    let build: Int64
    /// The last event applied or passed over; 0 before the first.
    var position: Int64
    /// That event's id.
    var eventID: UUID?
    /// The token of the lease under which it may be moved.
    var lease: Int64
    /// Whether it is noted that something is in the way of the next event.
    var isFailing = false

    /// The query that moves it, for the front of an atomic group: it raises `SQLState.checkpointMoved` when it is not where this says.
    func advance(_ model: String, to position: Int64, _ eventID: UUID) -> Query {
        Query(
            .advanceCheckpoint,
            [.text(model), .text(version), .int8(self.position), .int8(lease), .int8(position), .uuid(eventID)])
    }

    /// Has the live tables stand still until the transaction ends. Returns where they are.
    static func lock(_ model: String, in session: Session) async throws -> Int64 {
        try await session.query(.lockCheckpoint, [.text(model)])[0].get(0)
    }

    /// The live checkpoint of a model; nil before its first start.
    static func read(_ model: String, from pool: ConnectionPool) async throws -> Checkpoint? {
        try await pool.query(.readCheckpoint, [.text(model)]).first.map { row in
            Checkpoint(
                version: try row.get(0), build: try row.get(4), position: try row.get(1), eventID: try row.get(2), lease: try row.get(3),
                isFailing: try row.get(5))
        }
    }
}

extension SQLState {
    /// The checkpoint is not where its projector believes: another one has moved it, or an earlier try did go through.
    static let checkpointMoved = SQLState(rawValue: "AN010")
}

extension Statement {
    fileprivate static let readCheckpoint = Statement(
        "read_checkpoint",
        "SELECT version, position, event_id, lease_token, build, failing_at IS NOT NULL FROM annals.checkpoints WHERE model = $1")
    fileprivate static let lockCheckpoint = Statement("lock_checkpoint", "SELECT position FROM annals.checkpoints WHERE model = $1 FOR UPDATE")
    fileprivate static let advanceCheckpoint = Statement("advance_checkpoint", "SELECT annals.advance_checkpoint($1, $2, $3, $4, $5, $6)")
}

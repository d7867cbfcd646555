import EventSourcing
import FoundationEssentials
import Postgres

/// How far one version of a read model has come, as stored in `annals.checkpoints`. All SQL on that table stands here.
struct ProjectionCheckpoint: Equatable {
    let model: String
    let version: String
    /// The number of the tables that are live.
    let build: Int64
    /// The last event applied or passed over; 0 before the first.
    var position: Int64
    /// That event's id.
    var eventID: UUID?
    /// The token of the lease under which it may be moved.
    var lease: Int64
    /// Whether a failure of the next event is recorded.
    var isFailing = false

    /// The query that moves it, for the front of an atomic group: it raises `SQLState.checkpointMoved` when it is not where this says.
    func advance(to position: Int64, _ eventID: UUID) -> Query {
        Query(.advanceCheckpoint, [.text(model), .text(version), .int8(self.position), .int8(lease), .int8(position), .uuid(eventID)])
    }

    /// The live checkpoint of a model; nil before its first start.
    static func read(_ model: String, from pool: ConnectionPool) async throws -> ProjectionCheckpoint? {
        try await pool.query(.readCheckpoint, [.text(model)]).first.map { row in
            ProjectionCheckpoint(
                model: model, version: try row.get(0), build: try row.get(4), position: try row.get(1), eventID: try row.get(2),
                lease: try row.get(3), isFailing: try row.get(5))
        }
    }
}

/// Making and removing it.
extension ProjectionCheckpoint {
    static func exists(_ model: String, in session: Session) async throws -> Bool {
        try await session.query(.checkpointExists, [.text(model)]).count > 0
    }

    static func create(_ model: String, version: String, in session: Session) async throws {
        try await session.query(.createCheckpoint, [.text(model), .text(version)])
    }

    /// Records the version that the folder has; true when it is not the one that is applied.
    static func record(folderVersion: String?, of model: String, in pool: ConnectionPool) async throws -> Bool {
        if let folderVersion { try await pool.query(.recordFolderVersion, [.text(model), .text(folderVersion)]) }
        return try await pool.query(.isStale, [.text(model)]).first?.get(0) ?? false
    }

    static func delete(_ model: String, in session: Session) async throws {
        try await session.query(.deleteCheckpoint, [.text(model)])
    }
}

/// Holding it still.
extension ProjectionCheckpoint {
    /// Locks the checkpoint of the live tables until the transaction ends. Returns its position.
    static func lock(_ model: String, in session: Session) async throws -> Int64 {
        try await session.query(.lockCheckpoint, [.text(model)])[0].get(0)
    }

    /// The same for the tables of one build; false when the model has others by now.
    static func lock(_ build: Build, in session: Session) async throws -> Bool {
        try await session.query(.lockCheckpointOfBuild, [.text(build.model.name), .int8(build.number)]).count == 1
    }

    /// The same for the removal of a model; false when a projector holds its lease.
    static func lockUnattended(_ model: String, in session: Session) async throws -> Bool {
        try await session.query(.lockUnattendedCheckpoint, [.text(model)])[0].get(0)
    }

    /// Makes a running projector reread its checkpoint before it writes again.
    static func raiseLeaseToken(_ model: String, in session: Session) async throws {
        try await session.query(.raiseLeaseToken, [.text(model)])
    }

    static func leaseHolder(_ model: String, in pool: ConnectionPool) async throws -> String? {
        try await pool.query(.readLeaseHolder, [.text(model)]).first?.get(0, as: String?.self)
    }
}

/// A projector's troubles, for those who can't look into its process. Each call does nothing once somebody else has the lease.
extension ProjectionCheckpoint {
    /// Records that the projector has given the model up.
    func recordStop(_ stop: ProjectorStop, in pool: ConnectionPool) async throws {
        try await pool.query(.recordStop, [.text(model), .int8(lease), .text("\(stop)"), .bool(stop.isDivergence)])
    }

    /// Takes back what a projector that stopped before has recorded.
    func clearStop(in pool: ConnectionPool) async throws {
        try await pool.query(.clearStop, [.text(model), .int8(lease)])
    }

    /// Records that an event can't be applied, by default the next.
    func recordFailure(at position: Int64? = nil, in pool: ConnectionPool) async throws {
        try await pool.query(.recordFailure, [.text(model), .int8(lease), .int8(optional: position)])
    }

    func clearFailure(in pool: ConnectionPool) async throws {
        try await pool.query(.clearFailure, [.text(model), .int8(lease)])
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
    fileprivate static let advanceCheckpoint = Statement("advance_checkpoint", "SELECT annals.advance_checkpoint($1, $2, $3, $4, $5, $6)")

    fileprivate static let checkpointExists = Statement("checkpoint_exists", "SELECT FROM annals.checkpoints WHERE model = $1")
    fileprivate static let createCheckpoint = Statement(
        "create_checkpoint", "INSERT INTO annals.checkpoints (model, version, folder_version) VALUES ($1, $2, $2)")
    fileprivate static let recordFolderVersion = Statement(
        "record_folder_version", "UPDATE annals.checkpoints SET folder_version = $2 WHERE model = $1 AND folder_version <> $2")
    fileprivate static let isStale = Statement("is_stale", "SELECT version <> folder_version FROM annals.checkpoints WHERE model = $1")
    fileprivate static let deleteCheckpoint = Statement("delete_checkpoint", "DELETE FROM annals.checkpoints WHERE model = $1")

    fileprivate static let lockCheckpoint = Statement("lock_checkpoint", "SELECT position FROM annals.checkpoints WHERE model = $1 FOR UPDATE")
    fileprivate static let lockCheckpointOfBuild = Statement(
        "lock_checkpoint_of_build", "SELECT FROM annals.checkpoints WHERE model = $1 AND build = $2 FOR UPDATE")
    fileprivate static let lockUnattendedCheckpoint = Statement(
        "lock_unattended_checkpoint",
        "SELECT lease_holder IS NULL OR NOT annals.is_leased(lease_expires_at) FROM annals.checkpoints WHERE model = $1 FOR UPDATE")
    fileprivate static let raiseLeaseToken = Statement(
        "raise_lease_token", "UPDATE annals.checkpoints SET lease_token = lease_token + 1 WHERE model = $1")
    fileprivate static let readLeaseHolder = Statement("read_lease_holder", "SELECT lease_holder FROM annals.checkpoints WHERE model = $1")

    fileprivate static let recordStop = Statement(
        "record_stop", "UPDATE annals.checkpoints SET stopped_reason = $3, has_diverged = $4 WHERE model = $1 AND lease_token = $2")
    fileprivate static let clearStop = Statement(
        "clear_stop",
        """
        UPDATE annals.checkpoints SET stopped_reason = NULL, has_diverged = false
        WHERE model = $1 AND lease_token = $2 AND stopped_reason IS NOT NULL
        """)
    fileprivate static let recordFailure = Statement(
        "record_failure",
        """
        UPDATE annals.checkpoints SET failing_at = coalesce($3, position + 1)
        WHERE model = $1 AND lease_token = $2 AND position < coalesce($3, position + 1) AND failing_at IS DISTINCT FROM coalesce($3, position + 1)
        """)
    fileprivate static let clearFailure = Statement(
        "clear_failure", "UPDATE annals.checkpoints SET failing_at = NULL WHERE model = $1 AND lease_token = $2")

    /// Of all models: see `ReadModelStatus`.
    static let readStatuses = Statement(
        "read_statuses",
        """
        SELECT model, version, position, version <> folder_version, failing_at, updated_at,
            (SELECT count(DISTINCT stream_id) FROM annals.parked_events AS p WHERE p.build = c.build AND state <> 'discarded')::int,
            stopped_reason, has_diverged,
            CASE WHEN annals.is_leased(lease_expires_at) THEN rate::float8 ELSE 0 END,
            CASE WHEN annals.is_leased(lease_expires_at) THEN lease_holder END, build, lease_token, pg_is_in_recovery()
        FROM annals.checkpoints AS c ORDER BY model
        """)
}

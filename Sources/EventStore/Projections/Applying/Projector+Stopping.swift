import Logging
import Postgres

/// What a projector leaves in the checkpoint for those who can't look into its process.
extension Projector {
    /// Stores why the projector has stopped, unless somebody else has the model by now.
    func note(_ stop: ProjectorStop, at checkpoint: Checkpoint) async throws {
        try await pool.query(.noteStop, [.text(model.name), .int8(checkpoint.lease), .text("\(stop)"), .bool(stop.isDivergence)])
    }

    /// Takes back what a projector that stopped before has stored. This one goes on.
    func noteGoing(at checkpoint: Checkpoint) async throws {
        try await pool.query(.noteGoing, [.text(model.name), .int8(checkpoint.lease)])
    }

    /// Stores that something is in the way of the next event, unless somebody else has the model by now.
    func noteTrouble(after checkpoint: Checkpoint) async {
        update { $0.state = .failed(position: checkpoint.position + 1) }
        do {
            try await pool.query(.noteTrouble, [.text(model.name), .int8(checkpoint.lease)])
        } catch {
            logger.debug("the failure could not be stored", metadata: ["reason": "\(error)"])
        }
    }

    /// There is no next event, and so nothing is in its way any more. Else it is the next batch that says so.
    func noteNothingFails(at checkpoint: Checkpoint) async throws {
        update { $0.state = .applying }
        try await pool.query(.noteNothingFails, [.text(model.name), .int8(checkpoint.lease)])
    }

    /// The checkpoint is not where this projector left it. Mostly that is no rival: see `CheckpointMoved`.
    func note(moved error: any Error) async {
        let holder: String?
        do {
            holder = try await pool.query(.readLeaseHolder, [.text(model.name)]).first?.get(0, as: String?.self)
        } catch {
            return logger.debug("the lease could not be read", metadata: ["reason": "\(error)"])
        }
        if holder == leases.holder {
            logger.info("the checkpoint, the tables or what is parked have changed: the projector looks anew", metadata: ["reason": "\(error)"])
        } else {
            logger.notice("the projector has lost its lease", metadata: ["holder": "\(holder ?? "nobody")", "reason": "\(error)"])
        }
    }
}

extension Statement {
    fileprivate static let noteStop = Statement(
        "note_stop", "UPDATE annals.checkpoints SET stopped_reason = $3, has_diverged = $4 WHERE model = $1 AND lease_token = $2")
    fileprivate static let noteGoing = Statement(
        "note_going",
        """
        UPDATE annals.checkpoints SET stopped_reason = NULL, has_diverged = false
        WHERE model = $1 AND lease_token = $2 AND stopped_reason IS NOT NULL
        """)
    fileprivate static let noteTrouble = Statement(
        "note_trouble",
        """
        UPDATE annals.checkpoints SET failing_at = position + 1
        WHERE model = $1 AND lease_token = $2 AND failing_at IS DISTINCT FROM position + 1
        """)
    fileprivate static let noteNothingFails = Statement(
        "note_nothing_fails", "UPDATE annals.checkpoints SET failing_at = NULL WHERE model = $1 AND lease_token = $2")
    fileprivate static let readLeaseHolder = Statement("read_lease_holder", "SELECT lease_holder FROM annals.checkpoints WHERE model = $1")
}

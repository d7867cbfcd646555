import AccessTokens
import EventSourcing
package import FoundationEssentials
package import HTTPContract
import Postgres
import Publishing

/// Performs the actions of a closure, one step at a time. A step may be repeated after a crash: it has the same effect and is recorded once.
struct ClosureSteps: Sendable {
    /// Posts sent to the command service at once.
    private static let postBatch = 100

    let identity: ConnectionPool
    let closures: Closures
    let services: ClosureCommands
    let ports: ErasurePorts
    let keys: SigningKeys
    let endings: Signal

    /// Performs an action and records its step. Returns the closure with that step.
    func perform(_ action: ClosureAction, of closure: Closure, lease: UUID) async throws -> Closure {
        switch action {
        case .releaseClaim:
            // The claim may be gone already, by an earlier try whose receipt has expired or by a deactivation after the request was accepted. There
            // is nothing to release then.
            let position = try await services.releaseClaim(closure).position
            return try await record(action.step, of: closure, lease, position: position)
        case .closeAccount:
            let position = try await services.closeAccount(closure)
            return try await record(action.step, of: closure, lease, position: position)
        case .endSessions(let position):
            // The follower does the same when it meets the event, perhaps before this.
            let ending = AccountChange.closed.queries(user: closure.user, position: position, version: .max, emailHash: nil, at: closures.now())
            let signedOut = try await record(action.step, of: closure, lease, with: ending + [Query(.deleteSessionsOfUser, [.uuid(closure.user)])])
            endings.raise()
            return signedOut
        case .deletePosts(let last):
            let (position, count) = try await deletePosts(of: closure, draftedThrough: last, lease)
            return try await record(action.step, of: closure, lease, position: position, count: count)
        case .scrubReadModels(let erasures):
            try await closures.renew(closure, lease: lease)
            try await services.waitUntilScrubbed(erasures, closure)
            return try await record(action.step, of: closure, lease, position: erasures.upperBound)
        case .destroyKey:
            try await ports.destroyKey(closure.user)
            return try await record(action.step, of: closure, lease)
        case .signReceipt:
            let receipt = try await keys.sign(closure.statement, at: closures.now())
            return try await record(action.step, of: closure, lease, with: [closures.finishing(closure, with: receipt)])
        }
    }

    private func deletePosts(of closure: Closure, draftedThrough last: Int64, _ lease: UUID) async throws -> (position: Int64?, count: Int64) {
        var reached: (position: Int64?, count: Int64) = (nil, 0)
        for first in stride(from: 1, through: last, by: Int64.Stride(ErasurePorts.stride)) {
            var posts = try await ports.posts(closure.user, first...min(last, first + ErasurePorts.stride - 1))[...]
            while !posts.isEmpty {
                let deleted = try await services.delete(Array(posts.prefix(Self.postBatch)), closure)
                reached = (max(reached.position ?? 0, deleted.position), reached.count + deleted.count)
                posts = posts.dropFirst(Self.postBatch)
                try await closures.renew(closure, lease: lease)
            }
        }
        return reached
    }

    /// Records a step in one transaction with its changes in this database. Throws `LeaseLost`, and then changes nothing.
    func record(
        _ step: ClosureStep, of closure: Closure, _ lease: UUID, position: Int64? = nil, count: Int64? = nil, with changes: [Query] = []
    ) async throws -> Closure {
        let done = CompletedStep(step, at: closures.now(), position: position, count: count)
        let recording = closures.recording(done, number: closure.steps.count, of: closure, lease: lease)
        try await identity.withTransaction { transaction in
            guard try await transaction.query(recording.statement, recording.values).affectedRows == 1 else { throw Closures.LeaseLost() }
            for change in changes { try await transaction.query(change.statement, change.values) }
        }
        var closure = closure
        closure.steps.append(done)
        return closure
    }
}

extension Statement {
    // Deletes the refresh tokens as well. The closed account already ends its access tokens, so nothing needs the sessions any more.
    fileprivate static let deleteSessionsOfUser = Statement("delete_sessions_of_user", "DELETE FROM identity.sessions WHERE user_id = $1")
}

/// The other parts of the system that the closure of an account needs.
package struct ErasurePorts: Sendable {
    /// The number of positions of the log that are searched at once.
    static let stride: Int64 = 50_000

    /// The posts that a user began between two positions of the log, in the log's order.
    let posts: @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID]
    /// The query service, which knows how far the read models are.
    let queries: ServiceClient
    /// Destroys a person's data key for good. It is no error if the key is already destroyed.
    let destroyKey: @Sendable (UUID) async throws -> Void

    package init(
        posts: @escaping @Sendable (UUID, ClosedRange<Int64>) async throws -> [UUID], queries: ServiceClient,
        destroyKey: @escaping @Sendable (UUID) async throws -> Void
    ) {
        self.posts = posts
        self.queries = queries
        self.destroyKey = destroyKey
    }
}

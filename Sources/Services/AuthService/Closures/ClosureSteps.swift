import EventSourcing
package import FoundationEssentials
import HTTPContract
import Hummingbird
import Postgres
import Publishing
import PublishingAPI

/// Destroys a person's data key for good. It is no error if the key is already destroyed.
package typealias KeyDestruction = @Sendable (_ person: UUID) async throws -> Void

/// The steps of an account's closure that this service performs for the relay. Each has the same effect the second time, and none is performed on an
/// account that the log does not call closed.
struct ClosureSteps: Sendable {
    let identity: ConnectionPool
    let log: any EventStore
    let destroyKey: KeyDestruction
    let endings: Signal
    let now: @Sendable () -> Timestamp

    func add(to routes: inout Routes) {
        routes.on(.endSessionsOfUser) { [self] _, context in
            let closed = try await closedAccount(context)
            // The follower does the same when it meets the event, perhaps before this.
            let changes = AccountChange.closed.queries(user: closed.stream.id, position: closed.position, version: .max, emailHash: nil, at: now())
            try await identity.atomically(changes + [Query(.deleteSessionsOfUser, [.uuid(closed.stream.id)])])
            endings.raise()
            return Answer.noContent()
        }
        routes.on(.destroyKeyOfUser) { [self] _, context in
            try await destroyKey(try await closedAccount(context).stream.id)
            return Answer.noContent()
        }
    }

    /// The event that closed the account.
    private func closedAccount(_ context: CallContext) async throws -> RecordedEvent {
        let account = StreamName(UserRules.category, try context.id())
        guard let last = try await log.read(StreamRead(account, .backwards), limit: 1).first, try UserRules.decode(last) == .closed else {
            throw Problem.conflict("The account is not closed.")
        }
        return last
    }
}

extension Statement {
    // Deletes the refresh tokens as well. The closed account already ends its access tokens, so nothing needs the sessions any more.
    fileprivate static let deleteSessionsOfUser = Statement("delete_sessions_of_user", "DELETE FROM identity.sessions WHERE user_id = $1")
}

import EventSourcing
import FoundationEssentials
import Publishing

/// One closure of an account as it is recorded.
struct Closure: Sendable {
    enum Status: String, Sendable {
        case running
        /// Nothing was changed: the account could not be closed as things stood.
        case refused
        case done
    }

    let id: UUID
    let user: UUID
    let status: Status
    /// Of the user's stream, where the caller named one.
    let expectedVersion: Int?
    /// The request that all its events share.
    let correlation: String
    let requestedAt: Timestamp
    /// How often its next step was tried in vain.
    let failures: Int
    /// In the order in which they were done.
    var steps: [CompletedStep]
    let receipt: Receipt?

    /// A signed statement of a closure that is done.
    struct Receipt: Sendable {
        let token: String
        /// The key that it is signed with.
        let kid: String
    }

    /// What is to be done next; nil when all is done. Throws for a record that is of no process of ours.
    var next: ClosureAction? {
        get throws { AccountClosure.next(in: try AccountClosure.fold(steps)) }
    }

    /// What its receipt says of the steps so far.
    var statement: ClosureStatement {
        ClosureStatement(closure: id, user: user, requestedAt: requestedAt, steps: steps.filter { $0.step != .signReceipt })
    }
}

import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
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

    /// The next action; nil when all is done. Throws for a record that no process of ours has made.
    var next: ClosureAction? {
        get throws { AccountClosure.next(in: try AccountClosure.fold(steps)) }
    }

    /// The receipt's account of the steps so far.
    var statement: ClosureStatement {
        ClosureStatement(closure: id, user: user, requestedAt: requestedAt, steps: steps.filter { $0.step != .signReceipt })
    }
}

extension SigningKeys {
    /// The media type of a receipt, which no service takes for an access token.
    static let receiptType = "closure-receipt+jwt"

    /// Signs what a closure has done, with the key of the day.
    func sign(_ statement: ClosureStatement, at time: Timestamp) async throws -> Closure.Receipt {
        let key = try await current()
        let token = try key.sign(statement.claims(issuer: AccessToken.issuer, issuedAt: time), type: Self.receiptType)
        return Closure.Receipt(token: token, kid: key.kid)
    }

    /// The receipt as it can be verified today: signed anew once the key that it was signed with is published no more.
    func current(_ receipt: Closure.Receipt, of statement: ClosureStatement, at time: Timestamp) async throws -> Closure.Receipt {
        try await published().contains { $0.kid == receipt.kid } ? receipt : try await sign(statement, at: time)
    }
}

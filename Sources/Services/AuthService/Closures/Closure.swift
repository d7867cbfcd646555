import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Publishing

/// A closure of an account as it is recorded.
struct Closure: Sendable {
    enum Status: String, Sendable {
        case running
        /// The account could not be closed, and nothing was changed.
        case refused
        case done
    }

    let id: UUID
    let user: UUID
    let status: Status
    /// The version of the user's stream that the caller named, if any.
    let expectedVersion: Int?
    /// The correlation id that all its events share.
    let correlation: String
    let requestedAt: Timestamp
    /// The number of failed tries of the next step.
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

    /// The next action; nil when all is done. Throws for a record that no version of this program makes.
    var next: ClosureAction? {
        get throws { AccountClosure.next(in: try AccountClosure.fold(steps)) }
    }

    /// The statement of the steps so far, which the receipt signs.
    var statement: ClosureStatement {
        ClosureStatement(closure: id, user: user, requestedAt: requestedAt, steps: steps.filter { $0.step != .signReceipt })
    }
}

extension SigningKeys {
    /// The media type of a receipt, so that no service takes it for an access token.
    static let receiptType = "closure-receipt+jwt"

    /// Signs the statement of a closure with the current key.
    func sign(_ statement: ClosureStatement, at time: Timestamp) async throws -> Closure.Receipt {
        let key = try await current()
        let token = try key.sign(statement.claims(issuer: AccessToken.issuer, issuedAt: time), type: Self.receiptType)
        return Closure.Receipt(token: token, kid: key.kid)
    }

    /// The receipt as it can be verified today. It is signed anew once its key is no longer published.
    func current(_ receipt: Closure.Receipt, of statement: ClosureStatement, at time: Timestamp) async throws -> Closure.Receipt {
        try await published().contains { $0.kid == receipt.kid } ? receipt : try await sign(statement, at: time)
    }
}

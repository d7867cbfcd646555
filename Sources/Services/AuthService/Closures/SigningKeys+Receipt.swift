import AccessTokens
import EventSourcing
import HTTPContract
import Publishing

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

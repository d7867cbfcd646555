import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract

/// Signs access tokens with the current key.
struct TokenIssuer: Sendable {
    let keys: SigningKeys
    let settings: AuthSettings

    /// The key that signs now. Asked for before anything is done that can't be taken back: it is the one thing here that can fail.
    func signer() async throws -> SigningKey { try await keys.current() }

    /// A token of a session.
    /// - Parameter time: a moment before the log was asked for the user's role. A role that changes after that moment revokes the token.
    func issue(to user: UserProfile, session: UUID, at time: Timestamp, with key: SigningKey) throws -> String {
        try issue(to: user.id, role: user.role, session: session, at: time, lifetime: settings.accessTokenLifetime, isOperator: false, with: key)
    }

    /// A token of no session, made on the server for its operator.
    func issueToOperator(as subject: UUID, role: SignedInUser.Role, lifetime: Duration) async throws -> String {
        try issue(to: subject, role: role, session: nil, at: settings.now(), lifetime: lifetime, isOperator: true, with: try await signer())
    }

    private func issue(
        to subject: UUID, role: SignedInUser.Role, session: UUID?, at time: Timestamp, lifetime: Duration, isOperator: Bool, with key: SigningKey
    ) throws -> String {
        let token = AccessToken(
            subject: subject, role: role, session: session, audience: settings.audience, issuedAt: time, expiresAt: time.advanced(by: lifetime),
            isOperator: isOperator)
        return try key.sign(token)
    }
}

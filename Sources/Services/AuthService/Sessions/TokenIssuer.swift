import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract

/// Signs access tokens with the current key.
struct TokenIssuer: Sendable {
    let keys: SigningKeys
    let settings: AuthSettings

    /// The key that signs now. Ask for it before anything that can't be undone, since nothing else here can fail.
    func signer() async throws -> SigningKey { try await keys.current() }

    /// A token of a session.
    /// - Parameter user: as the log has them. The token carries the version, so a later change of role revokes it.
    func issue(to user: UserProfile, session: UUID, at time: Timestamp, with key: SigningKey) throws -> String {
        try issue(
            to: user.id, role: user.role, version: user.version, session: session, at: time, lifetime: settings.accessTokenLifetime,
            isOperator: false, with: key)
    }

    /// A token without a session, made on the server for its operator.
    /// - Parameter version: the lowest version that is not revoked.
    func issueToOperator(as subject: UUID, role: SignedInUser.Role, version: Int, lifetime: Duration) async throws -> String {
        try issue(
            to: subject, role: role, version: version, session: nil, at: settings.now(), lifetime: lifetime, isOperator: true,
            with: try await signer())
    }

    private func issue(
        to subject: UUID, role: SignedInUser.Role, version: Int, session: UUID?, at time: Timestamp, lifetime: Duration, isOperator: Bool,
        with key: SigningKey
    ) throws -> String {
        let token = AccessToken(
            subject: subject, role: role, version: version, session: session, audience: settings.audience, issuedAt: time,
            expiresAt: time.advanced(by: lifetime),
            isOperator: isOperator)
        return try key.sign(token)
    }
}

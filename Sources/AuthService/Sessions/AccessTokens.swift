import EventSourcing
import FoundationEssentials
import HTTPContract

/// Signs access tokens with the current key.
struct AccessTokens: Sendable {
    let keys: SigningKeys
    let settings: AuthSettings

    /// A token of a session.
    func issue(to user: UserProfile, session: UUID) async throws -> String {
        try await issue(to: user.id, role: user.role, session: session, lifetime: settings.accessTokenLifetime, isOperator: false)
    }

    /// A token of no session, made on the server for its operator.
    func issueToOperator(as subject: UUID, role: Role, lifetime: Duration) async throws -> String {
        try await issue(to: subject, role: role, session: nil, lifetime: lifetime, isOperator: true)
    }

    private func issue(to subject: UUID, role: Role, session: UUID?, lifetime: Duration, isOperator: Bool) async throws -> String {
        let now = settings.now()
        let token = AccessToken(
            subject: subject, role: role, session: session, audience: settings.audience, issuedAt: now, expiresAt: now.advanced(by: lifetime),
            isOperator: isOperator)
        return try await keys.current().sign(token)
    }
}

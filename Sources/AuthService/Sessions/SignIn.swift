import EventSourcing
import FoundationEssentials
import HTTPContract

/// Signing in and staying signed in.
struct SignIn: Sendable {
    /// What a client gets.
    struct Grant: Sendable {
        let accessToken: String
        let session: Sessions.Opened
        let user: UserProfile
    }

    let accounts: Accounts
    let credentials: Credentials
    let sessions: Sessions
    let users: UserDirectory
    let passwords: PasswordHasher
    let tokens: AccessTokens
    let hasher: any KeyedHasher
    let settings: AuthSettings

    /// One answer for every reason, so that nobody learns which emails are known.
    private static var refused: Problem { .unauthenticated("The email or the password is wrong.") }

    /// Opens a session. An unknown email, a wrong password and an account that is not active are the same 401, after the same work.
    func signIn(email: String, password: String, context: CallContext) async throws -> Grant {
        let user = try await verifiedUser(email: email, password: password)
        guard case .active(let profile)? = try await users.find(user, context: context), let session = try await sessions.open(for: user) else {
            throw Self.refused
        }
        return Grant(accessToken: try await tokens.issue(to: profile, session: session.id), session: session, user: profile)
    }

    /// Uses a refresh token up for a new pair. Asks for the user first: were the command service away after the rotation, the client would have lost its session.
    func refresh(_ text: String, context: CallContext) async throws -> Grant {
        let refused = Problem.unauthenticated("The refresh token is not valid any more.")
        guard let token = RefreshToken(text), let user = try await sessions.owner(of: token) else { throw refused }
        let standing = try await users.find(user, context: context)
        guard let session = try await sessions.rotate(token), case .active(let profile)? = standing else { throw refused }
        return Grant(accessToken: try await tokens.issue(to: profile, session: session.id), session: session, user: profile)
    }

    /// Ends the token's session. Says nothing about whether there was one (RFC 7009 §2.2).
    func signOut(_ text: String) async throws {
        guard let token = RefreshToken(text) else { return }
        try await sessions.revoke(token)
    }

    private func verifiedUser(email: String, password: String) async throws -> UUID {
        var candidate: Accounts.Candidate?
        if let emailHash = hasher.hash(email: email) { candidate = try await accounts.candidate(emailHash: emailHash) }
        guard let candidate else {
            try await passwords.verifyNothing(password)
            throw Self.refused
        }
        guard try await passwords.verify(password, against: candidate.passwordHash) else { throw Self.refused }
        if passwords.needsRehash(candidate.passwordHash) { try await strengthen(candidate, password) }
        return candidate.user
    }

    private func strengthen(_ candidate: Accounts.Candidate, _ password: String) async throws {
        do {
            try await credentials.replace(candidate.passwordHash, by: passwords.hash(password), for: candidate.user, at: settings.now())
        } catch is PasswordHasher.Overloaded {
            // The password was right; the next sign-in will find the hash as it is and try again.
        }
    }
}

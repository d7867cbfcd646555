import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract

/// Signing in and staying signed in.
struct SignIn: Sendable {
    /// The tokens that a client gets.
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
    let tokens: TokenIssuer
    let hasher: any KeyedHasher
    let throttle: SignInThrottle
    let endings: Signal
    let settings: AuthSettings

    /// The same answer for every reason, so that nobody learns which emails are known.
    private static var refused: Problem { .unauthenticated("The email or the password is wrong.") }

    /// Opens a session. An unknown email, a wrong password and an inactive account get the same 401 after the same work.
    func signIn(email: String, password: String, context: CallContext) async throws -> Grant {
        let account = hasher.hash(email: email)
        let claimant = SignInThrottle.Claimant(account: account ?? hasher.hash(["no email", email]), address: context.clientAddress)
        let addressHash = addressHash(of: claimant)
        let isFamiliar = { @Sendable [accounts] in
            guard let account, let addressHash else { return false }
            return try await accounts.hasSignedIn(emailHash: account, addressHash: addressHash)
        }
        let candidate = try await throttle.attempt(claimant, isFamiliar: isFamiliar) {
            try await verifiedCandidate(account, password: password, for: HashingParty(claimant, isFamiliar: isFamiliar))
        }
        let time = settings.now()
        let key = try await tokens.signer()
        guard let candidate, case .active(let profile)? = try await users.find(candidate.user, context: context),
            let session = try await sessions.open(for: candidate, from: addressHash)
        else { throw Self.refused }
        return Grant(accessToken: try tokens.issue(to: profile, session: session.id, at: time, with: key), session: session, user: profile)
    }

    /// Exchanges a refresh token for a new pair. It asks for the user and the key first, because the client would lose its session if they were
    /// missing after the rotation.
    func refresh(_ text: String, context: CallContext) async throws -> Grant {
        let refused = Problem.unauthenticated("The refresh token is not valid any more.")
        guard let token = RefreshToken(text), let user = try await sessions.owner(of: token) else { throw refused }
        let time = settings.now()
        let standing = try await users.find(user, context: context)
        let key = try await tokens.signer()
        guard let session = try await sessions.rotate(token) else {
            // It may have been a second use, which ends the session.
            endings.raise()
            throw refused
        }
        guard case .active(let profile)? = standing else { throw refused }
        return Grant(accessToken: try tokens.issue(to: profile, session: session.id, at: time, with: key), session: session, user: profile)
    }

    /// Ends the token's session. Says nothing about whether there was one (RFC 7009 §2.2).
    func signOut(_ text: String) async throws {
        guard let token = RefreshToken(text) else { return }
        try await sessions.revoke(token)
        endings.raise()
    }

    /// The keyed hash of the address, as the database keeps it. It reveals neither the address nor that two accounts share one.
    private func addressHash(of claimant: SignInThrottle.Claimant) -> [UInt8]? {
        claimant.origin.map { hasher.hash(["sign-in address", Base64URL.encode(claimant.account), $0]) }
    }

    /// The user who may sign in with this password; nil, after the same work, if there is none.
    private func verifiedCandidate(_ emailHash: [UInt8]?, password: String, for party: HashingParty) async throws -> Accounts.Candidate? {
        var candidate: Accounts.Candidate?
        if let emailHash { candidate = try await accounts.candidate(emailHash: emailHash) }
        guard let candidate else {
            try await passwords.verifyNothing(password, for: party)
            return nil
        }
        guard try await passwords.verify(password, against: candidate.password.hash, for: party) else { return nil }
        if passwords.needsRehash(candidate.password.hash) { try await strengthen(candidate, password) }
        return candidate
    }

    private func strengthen(_ candidate: Accounts.Candidate, _ password: String) async throws {
        do {
            try await credentials.replace(candidate.password.hash, by: passwords.hash(password), for: candidate.user, at: settings.now())
        } catch is PasswordHasher.Overloaded {
            // The password was right. The next sign-in tries again to replace the hash.
        }
    }
}

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

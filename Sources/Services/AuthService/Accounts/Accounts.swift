import EventSourcing
import FoundationEssentials
import Postgres

/// The users as the log has them, with the columns that signing in needs.
struct Accounts: Sendable {
    /// A user who may sign in with the right password.
    struct Candidate: Sendable {
        let user: UUID
        let password: Credentials.Password
    }

    let identity: ConnectionPool

    /// The active account with that email and a confirmed password. Nil for all others, so that unknown, pending, deactivated and closed accounts
    /// look the same.
    func candidate(emailHash: [UInt8]) async throws -> Candidate? {
        try await identity.query(.signInCandidate, [.bytes(emailHash)]).first.map {
            Candidate(user: try $0.get(0), password: Credentials.Password(hash: PasswordHash(try $0.get(1)), generation: try $0.get(2)))
        }
    }

    /// Whether the account with that email was signed in to from that address before.
    func hasSignedIn(emailHash: [UInt8], addressHash: [UInt8]) async throws -> Bool {
        try await identity.query(.knownAddress, [.bytes(emailHash), .bytes(addressHash)]).first?.get(0) ?? false
    }

    /// The user with that email whose account is not closed.
    func user(emailHash: [UInt8]) async throws -> UUID? {
        try await identity.query(.userWithEmail, [.bytes(emailHash)]).first?.get(0)
    }

    /// Adds an account before the follower meets its event. Both may come, in any order.
    func insertRegistered(_ user: UUID, emailHash: [UInt8], position: Int64) async throws {
        let registration = AccountChange.registration(of: user, emailHash: emailHash, role: "user", position: position)
        try await identity.query(registration.statement, registration.values)
    }
}

extension Statement {
    // The newest holder first. When an email has passed from one user to another, both rows may have it for a moment, and the one with the older
    // position is stale.
    fileprivate static let signInCandidate = Statement(
        "sign_in_candidate",
        """
        SELECT holder.user_id, credentials.password_hash, credentials.generation
        FROM (SELECT user_id, status FROM identity.accounts WHERE email_hash = $1 ORDER BY position DESC LIMIT 1) AS holder
        JOIN identity.credentials USING (user_id)
        WHERE holder.status = 'active' AND credentials.state = 'active'
        """)

    fileprivate static let knownAddress = Statement(
        "known_address",
        """
        SELECT EXISTS (
            SELECT FROM identity.accounts AS account JOIN identity.sessions AS session USING (user_id)
            WHERE account.email_hash = $1 AND session.address_hash = $2
        )
        """)

    fileprivate static let userWithEmail = Statement(
        "user_with_email", "SELECT user_id FROM identity.accounts WHERE email_hash = $1 ORDER BY position DESC LIMIT 1")
}

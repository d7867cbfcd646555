import AccessTokens
import Crypto
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres

/// The sessions: families of refresh tokens in which each token works once. Whoever shows one a second time has stolen it or was robbed of it, so the whole family
/// ends (RFC 9700 §4.14.2).
struct Sessions: Sendable {
    /// A session with the one token of it that still works.
    struct Opened: Sendable {
        let id: UUID
        let refreshToken: RefreshToken
    }

    let identity: ConnectionPool
    let settings: AuthSettings

    /// Opens a session. Nil when the account is not active, or has another password than the one that was checked: a deactivation or a change of password that comes at the
    /// same time either finds the session and ends it, or prevents it.
    /// - Parameter addressHash: where it is opened from.
    func open(for candidate: Accounts.Candidate, from addressHash: [UInt8]?) async throws -> Opened? {
        let opened = Opened(id: .v7(at: settings.now()), refreshToken: .random())
        let now = settings.now()
        let results = try await identity.atomically([
            Query(
                .insertSession,
                [
                    .uuid(opened.id), .uuid(candidate.user), .timestamp(now.milliseconds),
                    .timestamp(now.advanced(by: settings.sessionLifetime).milliseconds), .int4(candidate.password.generation),
                    .bytes(optional: addressHash),
                ]),
            insertion(of: opened.refreshToken, session: opened.id, at: now),
        ])
        return results.first?.affectedRows == 1 ? opened : nil
    }

    /// Whose token it is, in whatever state; nil when it is nobody's. Changes nothing.
    func owner(of token: RefreshToken) async throws -> UUID? {
        try await identity.query(.sessionOwner, [.bytes(token.hash)]).first?.get(0)
    }

    /// Uses the token up and gives the next one. Nil when it does not work any more; a second use ends the family. Used ones are kept for that until their session ends.
    func rotate(_ token: RefreshToken) async throws -> Opened? {
        let now = settings.now()
        return try await identity.withTransaction { transaction -> Opened? in
            // The session's lock makes rotations of one family follow each other, so the next statement sees what the one before did.
            guard let session = try await transaction.query(.lockSession, [.bytes(token.hash), .timestamp(now.milliseconds)]).first else {
                return nil
            }
            let id: UUID = try session.get(0)
            let isOpen: Bool = try session.get(1)
            guard let use = try await transaction.query(.useRefreshToken, [.bytes(token.hash), .timestamp(now.milliseconds)]).first else {
                try await transaction.query(.revokeSession, [.uuid(id), .timestamp(now.milliseconds)])
                return nil
            }
            let isFresh: Bool = try use.get(0)
            guard isOpen, isFresh else { return nil }
            let opened = Opened(id: id, refreshToken: .random())
            let insertion = insertion(of: opened.refreshToken, session: id, at: now)
            try await transaction.query(insertion.statement, insertion.values)
            return opened
        }
    }

    /// Ends the session that the token belongs to, whatever the token's state; nothing happens for an unknown one.
    func revoke(_ token: RefreshToken) async throws {
        try await identity.query(.revokeSessionOfToken, [.bytes(token.hash), .timestamp(settings.now().milliseconds)])
    }

    /// Forgets sessions that nobody can use any more, with their tokens. Not before their last access tokens have expired: until then the feed may have to tell of their end.
    func deleteExpired() async throws {
        let time = settings.now().advanced(by: .zero - settings.accessTokenLifetime)
        try await identity.query(.deleteExpiredSessions, [.timestamp(time.milliseconds)])
    }

    private func insertion(of token: RefreshToken, session: UUID, at now: Timestamp) -> Query {
        Query(.insertRefreshToken, [.bytes(token.hash), .uuid(session), .timestamp(now.advanced(by: settings.refreshTokenLifetime).milliseconds)])
    }
}

extension Statement {
    static let revokeSessionsOfUser = Statement(
        "revoke_sessions_of_user", "UPDATE identity.sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL")

    fileprivate static let insertSession = Statement(
        "insert_session",
        """
        INSERT INTO identity.sessions (id, user_id, created_at, expires_at, address_hash)
        SELECT $1, account.user_id, $3, $4, $6
        FROM identity.accounts AS account JOIN identity.credentials AS credentials USING (user_id)
        WHERE account.user_id = $2 AND account.status = 'active' AND credentials.state = 'active' AND credentials.generation = $5
        FOR SHARE
        """)

    // Ends with its session; inserts nothing when the session could not be opened.
    fileprivate static let insertRefreshToken = Statement(
        "insert_refresh_token",
        """
        INSERT INTO identity.refresh_tokens (hash, session_id, expires_at)
        SELECT $1, id, least($3, expires_at) FROM identity.sessions WHERE id = $2
        """)

    fileprivate static let sessionOwner = Statement(
        "session_owner",
        "SELECT session.user_id FROM identity.refresh_tokens AS token JOIN identity.sessions AS session ON session.id = token.session_id WHERE token.hash = $1"
    )

    fileprivate static let lockSession = Statement(
        "lock_session",
        """
        SELECT session.id, session.revoked_at IS NULL AND session.expires_at > $2
        FROM identity.refresh_tokens AS token JOIN identity.sessions AS session ON session.id = token.session_id
        WHERE token.hash = $1 FOR UPDATE OF session
        """)

    fileprivate static let useRefreshToken = Statement(
        "use_refresh_token", "UPDATE identity.refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL RETURNING expires_at > $2")

    fileprivate static let revokeSession = Statement(
        "revoke_session", "UPDATE identity.sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL")

    fileprivate static let revokeSessionOfToken = Statement(
        "revoke_session_of_token",
        """
        UPDATE identity.sessions SET revoked_at = $2
        WHERE revoked_at IS NULL AND id = (SELECT session_id FROM identity.refresh_tokens WHERE hash = $1)
        """)

    fileprivate static let deleteExpiredSessions = Statement("delete_expired_sessions", "DELETE FROM identity.sessions WHERE expires_at <= $1")
}

/// A refresh token: 256 random bits, as its holder has it. The database has its hash only.
struct RefreshToken: Sendable {
    private let bytes: [UInt8]

    /// A new one from the system's random source.
    static func random() -> RefreshToken {
        var random = SystemRandomNumberGenerator()
        return RefreshToken(bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Nil for a text that can't be one of ours.
    init?(_ text: String) {
        guard let bytes = Base64URL.decode(text.utf8), bytes.count == 32 else { return nil }
        self.init(bytes: bytes)
    }

    var text: String { Base64URL.encode(bytes) }

    /// SHA-256: there is nothing to guess in 256 random bits, so nothing slower is needed.
    var hash: [UInt8] { Array(SHA256.hash(data: bytes)) }
}

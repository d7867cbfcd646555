import AccessTokens
import Crypto
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres

/// The sessions: families of refresh tokens in which each token works once. A second use after `AuthSettings.refreshGrace` means that the token was
/// stolen, so it ends the whole family (RFC 9700 §4.14.2).
struct Sessions: Sendable {
    /// A session with its token that still works.
    struct Opened: Sendable {
        let id: UUID
        let refreshToken: RefreshToken
    }

    let identity: ConnectionPool
    let settings: AuthSettings

    /// Opens a session. Nil if the account is not active, or has another password than the one that was checked. A deactivation or a change of
    /// password at the same time either ends the session or prevents it.
    /// - Parameter addressHash: the keyed hash of the address that it is opened from.
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
            insertion(of: opened.refreshToken, generation: 0, session: opened.id, at: now),
        ])
        return results.first?.affectedRows == 1 ? opened : nil
    }

    /// The owner of a token's session, in any state; nil if the token belongs to none. Changes nothing.
    func owner(of token: RefreshToken) async throws -> UUID? {
        try await identity.query(.sessionOwner, [.bytes(token.hash)]).first?.get(0)
    }

    /// The most tokens that one token is exchanged for: its successor, and those of its repeats within the grace.
    private static let largestGeneration = 4

    /// Exchanges a token for one of the next generation, and retires the others of its own. A repeat within the grace gets another token of that next
    /// generation, unless one of them is used already. Nil if the token does not work any more. A use after the grace ends the family; used tokens
    /// are kept for that until their session ends.
    func rotate(_ token: RefreshToken) async throws -> Opened? {
        let now = settings.now()
        return try await identity.withTransaction { transaction -> Opened? in
            // The session's lock puts rotations of one family in sequence, so each sees what the one before did.
            guard let session = try await transaction.query(.lockSession, [.bytes(token.hash), .timestamp(now.milliseconds)]).first else {
                return nil
            }
            let id: UUID = try session.get(0)
            let isOpen: Bool = try session.get(1)
            let generation: Int32
            if let use = try await transaction.query(.useRefreshToken, [.bytes(token.hash), .timestamp(now.milliseconds)]).first {
                let isFresh: Bool = try use.get(0)
                guard isOpen, isFresh else { return nil }
                generation = try use.get(1)
                try await transaction.query(.retireGeneration, [.uuid(id), .int4(generation), .timestamp(now.milliseconds)])
            } else {
                // On both sides: a clock that has gone back must not let a used token pass until it has caught up.
                let grace = [now.advanced(by: .zero - settings.refreshGrace), now.advanced(by: settings.refreshGrace)]
                    .map { SQLValue.timestamp($0.milliseconds) }
                guard let repeated = try await transaction.query(.repeatedUse, [.bytes(token.hash)] + grace).first, try repeated.get(0), isOpen else {
                    try await transaction.query(.revokeSession, [.uuid(id), .timestamp(now.milliseconds)])
                    return nil
                }
                guard try repeated.get(2, as: Int64.self) < Self.largestGeneration, try !repeated.get(3) else { return nil }
                generation = try repeated.get(1)
            }
            let opened = Opened(id: id, refreshToken: .random())
            let insertion = insertion(of: opened.refreshToken, generation: generation + 1, session: id, at: now)
            try await transaction.query(insertion.statement, insertion.values)
            return opened
        }
    }

    /// Ends the token's session, whatever the token's state. Does nothing for an unknown token.
    func revoke(_ token: RefreshToken) async throws {
        try await identity.query(.revokeSessionOfToken, [.bytes(token.hash), .timestamp(settings.now().milliseconds)])
    }

    /// Deletes sessions that nobody can use any more, with their tokens. It keeps them until their last access tokens have expired, because the feed
    /// has to report their end until then.
    func deleteExpired() async throws {
        let time = settings.now().advanced(by: .zero - settings.accessTokenLifetime)
        try await identity.query(.deleteExpiredSessions, [.timestamp(time.milliseconds)])
    }

    private func insertion(of token: RefreshToken, generation: Int32, session: UUID, at now: Timestamp) -> Query {
        let expiry = SQLValue.timestamp(now.advanced(by: settings.refreshTokenLifetime).milliseconds)
        return Query(.insertRefreshToken, [.bytes(token.hash), .uuid(session), expiry, .int4(generation)])
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

    // Expires with its session. Inserts nothing if the session could not be opened.
    fileprivate static let insertRefreshToken = Statement(
        "insert_refresh_token",
        """
        INSERT INTO identity.refresh_tokens (hash, session_id, expires_at, generation)
        SELECT $1, id, least($3, expires_at), $4 FROM identity.sessions WHERE id = $2
        """)

    fileprivate static let sessionOwner = Statement(
        "session_owner",
        """
        SELECT session.user_id FROM identity.refresh_tokens AS token
        JOIN identity.sessions AS session ON session.id = token.session_id WHERE token.hash = $1
        """
    )

    fileprivate static let lockSession = Statement(
        "lock_session",
        """
        SELECT session.id, session.revoked_at IS NULL AND session.expires_at > $2
        FROM identity.refresh_tokens AS token JOIN identity.sessions AS session ON session.id = token.session_id
        WHERE token.hash = $1 FOR UPDATE OF session
        """)

    fileprivate static let useRefreshToken = Statement(
        "use_refresh_token",
        "UPDATE identity.refresh_tokens SET used_at = $2 WHERE hash = $1 AND used_at IS NULL RETURNING expires_at > $2, generation")

    fileprivate static let retireGeneration = Statement(
        "retire_generation", "UPDATE identity.refresh_tokens SET used_at = $3 WHERE session_id = $1 AND generation = $2 AND used_at IS NULL")

    // Whether the first use is recent, the token's generation, the number of tokens of the next generation, and whether one of those is used.
    fileprivate static let repeatedUse = Statement(
        "repeated_use",
        """
        SELECT token.used_at BETWEEN $2 AND $3, token.generation, count(next.hash), count(next.used_at) > 0
        FROM identity.refresh_tokens AS token
        LEFT JOIN identity.refresh_tokens AS next ON next.session_id = token.session_id AND next.generation = token.generation + 1
        WHERE token.hash = $1
        GROUP BY token.hash
        """)

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

/// A refresh token of 256 random bits. The database holds only its hash.
struct RefreshToken: Sendable {
    private let bytes: [UInt8]

    /// A new one from the system's random source.
    static func random() -> RefreshToken {
        var random = SystemRandomNumberGenerator()
        return RefreshToken(bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Nil for a text that does not have the form of a refresh token.
    init?(_ text: String) {
        guard let bytes = Base64URL.decode(text.utf8), bytes.count == 32 else { return nil }
        self.init(bytes: bytes)
    }

    var text: String { Base64URL.encode(bytes) }

    /// SHA-256. Nobody can guess 256 random bits, so no slower hash is needed.
    var hash: [UInt8] { Array(SHA256.hash(data: bytes)) }
}

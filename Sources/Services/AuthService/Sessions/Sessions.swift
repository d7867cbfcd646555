import AccessTokens
import Crypto
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres

/// The sessions: families of refresh tokens in which each token works once. A second use later than `AuthSettings.refreshGrace` means that the token
/// was stolen, so it
/// ends the whole family (RFC 9700 §4.14.2).
struct Sessions: Sendable {
    /// A session with the one token of it that still works.
    struct Opened: Sendable {
        let id: UUID
        let refreshToken: RefreshToken
    }

    let identity: ConnectionPool
    let settings: AuthSettings

    /// Opens a session. Nil when the account is not active, or has another password than the one that was checked: a deactivation or a change of
    /// password that comes at the
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
            insertion(of: opened.refreshToken, generation: 0, session: opened.id, at: now),
        ])
        return results.first?.affectedRows == 1 ? opened : nil
    }

    /// The session that a token belongs to, in whatever state; nil when it belongs to none. Changes nothing.
    func owner(of token: RefreshToken) async throws -> UUID? {
        try await identity.query(.sessionOwner, [.bytes(token.hash)]).first?.get(0)
    }

    /// The most tokens that one token leads to: its successor, and those of its repeats within the grace.
    private static let largestGeneration = 4

    /// Uses the token up, retires the others of its generation, and gives one of the next. A repeat within the grace gets another one of that
    /// generation, unless one of
    /// them is used. Nil when the token does not work any more; shown after the grace it ends the family. Used ones are kept for that until their
    /// session ends.
    func rotate(_ token: RefreshToken) async throws -> Opened? {
        let now = settings.now()
        return try await identity.withTransaction { transaction -> Opened? in
            // The session's lock makes rotations of one family follow each other, so the next statement sees what the one before did.
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

    /// Ends the session that the token belongs to, whatever the token's state; nothing happens for an unknown one.
    func revoke(_ token: RefreshToken) async throws {
        try await identity.query(.revokeSessionOfToken, [.bytes(token.hash), .timestamp(settings.now().milliseconds)])
    }

    /// Forgets sessions that nobody can use any more, with their tokens. Not before their last access tokens have expired: until then the feed may
    /// have to tell of their end.
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

    // Ends with its session; inserts nothing when the session could not be opened.
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

    // Whether the first use is recent, the token's generation, and of the next one: how many tokens it has, and whether one is used.
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

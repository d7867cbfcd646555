package import AccessTokens
package import EventSourcing
package import FoundationEssentials
import HTTPContract
package import JSON
package import Postgres
import Publishing

/// The operator's actions on the server, without signing in. They need the identity database and the keys, and no running service.
package struct AuthOperator: Sendable {
    /// Why an operator's action was refused.
    package enum Failure: Error, Equatable {
        /// There is no such account, or it is closed, or the follower has not seen it yet.
        case unknownUser
        /// A password has 12 to 128 characters.
        case unacceptablePassword
        /// The token would live longer than `AuthSettings.operatorTokenLifetime`.
        case unacceptableLifetime
    }

    let identity: ConnectionPool
    let settings: AuthSettings
    private let accounts: Accounts
    private let credentials: Credentials
    private let tokens: TokenIssuer
    private let keys: SigningKeys
    private let passwords: PasswordHasher
    private let hasher: any KeyedHasher

    /// - Parameters:
    ///   - hasher: makes the keyed hashes of the log's claims.
    ///   - keys: the keys that tokens are signed with.
    package init(
        identity: ConnectionPool, hasher: any KeyedHasher, keys: SigningKeys, passwords: PasswordHasher = PasswordHasher(),
        settings: AuthSettings = AuthSettings()
    ) {
        self.identity = identity
        accounts = Accounts(identity: identity)
        credentials = Credentials(identity: identity)
        tokens = TokenIssuer(keys: keys, settings: settings)
        self.keys = keys
        self.passwords = passwords
        self.hasher = hasher
        self.settings = settings
    }

    /// The user who has this email, as far as the follower has come.
    package func user(email: String) async throws -> UUID {
        guard let hash = hasher.hash(email: email), let user = try await accounts.user(emailHash: hash) else { throw Failure.unknownUser }
        return user
    }

    /// Sets a user's password and ends all of their sessions.
    package func setPassword(user: UUID, to password: String) async throws {
        guard Applicant.passwordLength ~= password.unicodeScalars.count, !password.utf8.contains(0) else { throw Failure.unacceptablePassword }
        guard try await credentials.set(passwords.hash(password), for: user, at: settings.now()) else { throw Failure.unknownUser }
    }

    /// A token that acts as `subject` and is not rate-limited. It belongs to no session, so it is valid until it expires.
    package func mintOperatorToken(subject: UUID, role: SignedInUser.Role, lifetime: Duration) async throws -> String {
        guard lifetime > .zero, lifetime <= settings.operatorTokenLifetime else { throw Failure.unacceptableLifetime }
        let version: Int32? = try await identity.query(.tokensVersion, [.uuid(subject)]).first?.get(0)
        return try await tokens.issueToOperator(as: subject, role: role, version: Int(version ?? 0), lifetime: lifetime)
    }
}

extension Statement {
    fileprivate static let tokensVersion = Statement("tokens_version", "SELECT coalesce(tokens_version, 0) FROM identity.accounts WHERE user_id = $1")
}

extension AuthOperator {
    /// The state of a user's erasure.
    package enum Erasure: Sendable, Equatable {
        /// The names of the steps that are done.
        case running(done: [String])
        /// It is finished, with the signed receipt.
        case done(receipt: String)
    }

    /// The state of the closure of a user's account, as a log tells it.
    package func erasure(of user: UUID, in log: any EventStore) async throws -> Erasure {
        let closures = Closures(log: log, keys: keys, now: settings.now)
        guard let closure = try await closures.closure(of: user) else { throw Failure.unknownUser }
        if let receipt = try await closures.receipt(of: closure) { return .done(receipt: receipt) }
        return .running(done: closure.steps.map(\.step.rawValue))
    }
}

extension AuthOperator {
    /// The auth service's record of a person, for their export: the account, the closure, and the sessions with the times of their tokens and the
    /// keyed hash of the address that each was opened from. It does not contain the password or any token.
    package func record(of user: UUID, in log: any EventStore) async throws -> JSONObject {
        let account = try await identity.query(.accountRecord, [.uuid(user)]).first
        let sessions = try await identity.query(.sessionRecords, [.uuid(user)])
        let tokens = try await tokenRecords(of: user)
        let closures = Closures(log: log, keys: keys, now: settings.now)
        var closureRecords: [JSONValue] = []
        if let closure = try await closures.closure(of: user) {
            closureRecords.append(.object(closure.record(receipt: try await closures.receipt(of: closure))))
        }
        return [
            "role": try account.map { .string(try $0.get(0)) } ?? .null,
            "status": try account.map { .string(try $0.get(1)) } ?? .null,
            "passwordChangedAt": try account.flatMap { try $0.millisecondsOrNil(2) }.time,
            "sessions": .array(try sessions.map { .object(try Self.record($0, tokens)) }),
            "closures": .array(closureRecords),
        ]
    }

    private static func record(_ session: Row, _ tokens: [UUID: [JSONValue]]) throws -> JSONObject {
        let id: UUID = try session.get(0)
        return [
            "id": .string(id.lowercased), "createdAt": try session.millisecondsOrNil(1).time, "expiresAt": try session.millisecondsOrNil(2).time,
            "revokedAt": try session.millisecondsOrNil(3).time,
            "addressHash": try session.get(4, as: [UInt8]?.self).map { .string(Base64URL.encode($0)) } ?? .null,
            "refreshTokens": .array(tokens[id] ?? []),
        ]
    }

    /// By session, oldest first.
    private func tokenRecords(of user: UUID) async throws -> [UUID: [JSONValue]] {
        try await identity.query(.tokenRecords, [.uuid(user)]).reduce(into: [:]) { records, row in
            records[try row.get(0), default: []].append(
                .object(["expiresAt": try row.millisecondsOrNil(1).time, "usedAt": try row.millisecondsOrNil(2).time]))
        }
    }
}

extension Closure {
    fileprivate func record(receipt: String?) -> JSONObject {
        [
            "id": .string(request.id.lowercased), "status": .string(status), "requestedAt": .string(request.requestedAt.description),
            "request": request.correlation.map { .string($0) } ?? .null,
            "steps": .array(steps.map { .object(["name": .string($0.step.rawValue), "at": .string($0.at.description)]) }),
            "receipt": receipt.map { .string($0) } ?? .null,
        ]
    }
}

extension Int64? {
    /// Milliseconds since 1970 as RFC 3339; null for none.
    fileprivate var time: JSONValue { map { .string(Timestamp(milliseconds: $0).description) } ?? .null }
}

extension Statement {
    fileprivate static let accountRecord = Statement(
        "account_record",
        """
        SELECT account.role, account.status, credentials.changed_at
        FROM identity.accounts AS account LEFT JOIN identity.credentials AS credentials USING (user_id) WHERE account.user_id = $1
        """)

    fileprivate static let sessionRecords = Statement(
        "session_records",
        "SELECT id, created_at, expires_at, revoked_at, address_hash FROM identity.sessions WHERE user_id = $1 ORDER BY created_at, id")

    fileprivate static let tokenRecords = Statement(
        "token_records",
        """
        SELECT token.session_id, token.expires_at, token.used_at
        FROM identity.refresh_tokens AS token JOIN identity.sessions AS session ON session.id = token.session_id
        WHERE session.user_id = $1 ORDER BY token.expires_at
        """)
}

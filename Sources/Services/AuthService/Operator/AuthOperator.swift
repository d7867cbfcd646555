package import AccessTokens
package import EventSourcing
package import FoundationEssentials
import HTTPContract
package import Postgres

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

package import EventSourcing
package import FoundationEssentials
package import HTTPContract

/// What the operator may do on the server, without signing in.
extension AuthService {
    /// Why an operator's wish was not granted.
    package enum OperatorError: Error, Equatable {
        /// No account that isn't closed; it may also be that the follower has not seen it yet.
        case unknownUser
        /// A password has 12 to 128 characters.
        case unacceptablePassword
        /// A token lives at most as long as `AuthSettings.operatorTokenLifetime`.
        case unacceptableLifetime
    }

    /// The user who has this email at present, as far as the follower has come.
    package func user(email: String) async throws -> UUID {
        guard let hash = hasher.hash(email: email), let user = try await accounts.user(emailHash: hash) else { throw OperatorError.unknownUser }
        return user
    }

    /// Gives a user another password and ends all their sessions.
    package func setPassword(user: UUID, to password: String) async throws {
        guard Applicant.passwordLength ~= password.unicodeScalars.count, !password.utf8.contains(0) else { throw OperatorError.unacceptablePassword }
        guard try await accounts.isKnown(user) else { throw OperatorError.unknownUser }
        try await credentials.set(passwords.hash(password), for: user, at: settings.now())
    }

    /// A token that acts as `subject` and is not rate-limited. It belongs to no session, so only its expiry ends it.
    package func mintOperatorToken(subject: UUID, role: Role, lifetime: Duration) async throws -> String {
        guard lifetime > .zero, lifetime <= settings.operatorTokenLifetime else { throw OperatorError.unacceptableLifetime }
        return try await tokens.issueToOperator(as: subject, role: role, lifetime: lifetime)
    }
}

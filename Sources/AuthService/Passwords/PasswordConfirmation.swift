import EventSourcing
import FoundationEssentials
import HTTPContract

/// Asks a signed-in user for their password again, before something that a stolen token must not do. Wrong ones are counted, so a token is no licence to guess.
struct PasswordConfirmation: Sendable {
    let credentials: Credentials
    let passwords: PasswordHasher
    let throttle: SignInThrottle
    let hasher: any KeyedHasher

    /// The stored password, which the given one is. 403 when it is not: the token is good, so a new one would not help. 401 when the account is not active.
    func confirm(_ password: String, of user: UUID, field: String, context: CallContext) async throws -> Credentials.Password {
        guard let stored = try await credentials.password(of: user) else { throw Problem.unauthenticated("This account is not active.") }
        let claimant = SignInThrottle.Claimant(account: hasher.hash(["password of", user.lowercased]), address: context.clientAddress)
        let confirmed = try await throttle.attempt(claimant) {
            try await passwords.verify(password, against: stored.hash) ? stored : nil
        }
        guard let confirmed else { throw Problem(.forbidden, "The password is wrong.", details: [Violation(field, "is wrong")]) }
        return confirmed
    }
}

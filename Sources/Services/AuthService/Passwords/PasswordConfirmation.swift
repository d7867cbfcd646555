import EventSourcing
import FoundationEssentials
import HTTPContract

/// Asks a signed-in user for their password again, before something that a stolen token must not do. Wrong ones are counted, so a token is no
/// licence to guess.
struct PasswordConfirmation: Sendable {
    let credentials: Credentials
    let passwords: PasswordHasher
    let throttle: SignInThrottle
    let hasher: any KeyedHasher

    /// The stored password, which the given one is. 403 when it is not: the token is good, so a new one would not help. 401 when the account is not
    /// active.
    func confirm(_ password: String, of user: UUID, field: String, context: CallContext) async throws -> Credentials.Password {
        guard let stored = try await credentials.password(of: user) else { throw Problem.unauthenticated("This account is not active.") }
        // The holder of a good token is as familiar as a client at a known address.
        let party = HashingParty(account: user.lowercased, origin: context.clientAddress) { true }
        let isRight = try await attempt(on: user, context: context) { try await passwords.verify(password, against: stored.hash, for: party) }
        guard isRight else { throw Problem(.forbidden, "The password is wrong.", details: [Violation(field, "is wrong")]) }
        return stored
    }

    /// Compares something with what only the user knows. Wrong ones are counted; 429 when they come too soon.
    func attempt(on user: UUID, context: CallContext, _ isRight: () async throws -> Bool) async throws -> Bool {
        let claimant = SignInThrottle.Claimant(account: hasher.hash(["password of", user.lowercased]), address: context.clientAddress)
        return try await throttle.attempt(claimant) { try await isRight() ? true : nil } ?? false
    }
}

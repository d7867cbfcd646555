import EventSourcing
import FoundationEssentials
import HTTPContract

/// Asks a signed-in user for their password again before an action that a stolen token must not allow. Wrong passwords are counted, so that a token
/// does not allow guessing.
struct PasswordConfirmation: Sendable {
    let credentials: Credentials
    let passwords: PasswordHasher
    let throttle: SignInThrottle
    let hasher: any KeyedHasher

    /// The stored password, if the given one is right. Else 403: the token is valid, so a new one would not help. 401 if the account is not active.
    func confirm(_ password: String, of user: UUID, field: String, context: CallContext) async throws -> Credentials.Password {
        guard let stored = try await credentials.password(of: user) else { throw Problem.unauthenticated("This account is not active.") }
        // The holder of a valid token counts as familiar, as a client at a known address does.
        let party = HashingParty(account: user.lowercased, origin: context.clientAddress) { true }
        let isRight = try await attempt(on: user, context: context) { try await passwords.verify(password, against: stored.hash, for: party) }
        guard isRight else { throw Problem(.forbidden, "The password is wrong.", details: [Violation(field, "is wrong")]) }
        return stored
    }

    /// Runs a check of something that only the user knows. Failures are counted; 429 if the next try comes too soon.
    func attempt(on user: UUID, context: CallContext, _ isRight: () async throws -> Bool) async throws -> Bool {
        let claimant = SignInThrottle.Claimant(account: hasher.hash(["password of", user.lowercased]), address: context.clientAddress)
        return try await throttle.attempt(claimant) { try await isRight() ? true : nil } ?? false
    }
}

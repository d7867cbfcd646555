import AccessTokens
import EventSourcing
import HTTPContract
import Logging
import PublishingAPI

/// Verifies users' tokens, once a process: with the keys that auth publishes, and the revocations that its feed tells.
struct TokenChecks {
    let verifier: TokenVerifier
    let follower: RevocationFollower
    /// Raised by an auth service of this process when it revokes something.
    let signal = Signal()

    init(auth: ServiceClient, logger: Logger) {
        let revocations = RevocationList(patience: .seconds(60))
        verifier = TokenVerifier(revocations: revocations) {
            let answer = try await auth.get(.signingKeys)
            guard answer.isSuccess, let keys = answer.body else { throw Problem.unavailable() }
            return VerificationKey.keys(jwks: keys)
        }
        follower = RevocationFollower(revocations, signal: signal, logger: logger, feed: auth.revocationFeed)
    }

    /// Asks the feed once, for until it has answered no token is accepted. Returns after five seconds when auth is away.
    func prepare() async throws { _ = try await isDone(within: .seconds(5)) { [follower] in await follower.look() } }
}

import Crypto
import EventSourcing
import Synchronization

/// A token whose signature, issuer and times hold. Its audience is the answering service's to check.
package struct VerifiedToken: Sendable, Equatable {
    package let claims: AccessToken
    /// The key that it is signed with.
    let kid: String

    /// The holder, when the token is meant for that service.
    package func user(for service: String) throws(TokenError) -> SignedInUser {
        guard claims.audience.contains(service) else { throw .invalid }
        return claims.user
    }
}

/// Tokens that were verified a moment ago, so that a busy caller costs one signature check a minute. Only good tokens are kept, so nobody outside can
/// fill the cache.
///
/// It keeps each token's SHA-256 rather than the token. A look-up then costs the same whatever bytes a header holds.
final class VerifiedTokenCache: Sendable {
    private struct Entry {
        let token: VerifiedToken
        let until: Timestamp
    }

    private static let lifetime = Duration.seconds(60)
    private let capacity: Int
    private let entries = Mutex<[SHA256Digest: Entry]>([:])

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The token when it was verified less than 60 s ago and has not expired.
    func find(_ digest: SHA256Digest, now: Timestamp) -> VerifiedToken? {
        entries.withLock { entries in
            guard let entry = entries[digest], now < entry.until else { return nil }
            return entry.token
        }
    }

    func insert(_ digest: SHA256Digest, _ token: VerifiedToken, now: Timestamp) {
        let until = min(now.advanced(by: Self.lifetime), token.claims.expiresAt)
        entries.withLock { entries in
            if entries.count >= capacity {
                entries = entries.filter { now < $0.value.until }
                // Full of live ones: starting anew is cheaper than keeping an order for a case that hardly comes.
                if entries.count >= capacity { entries = [:] }
            }
            entries[digest] = Entry(token: token, until: until)
        }
    }
}

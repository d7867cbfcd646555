import EventSourcing
import Synchronization

/// A token whose signature holds.
struct SignedToken: Sendable {
    let claims: AccessToken
    /// The key that it is signed with.
    let kid: String
}

/// Tokens whose signature was checked a moment ago, so that a busy caller costs one check a minute. Holds good tokens only, so it can't be filled from outside.
final class VerifiedTokens: Sendable {
    private struct Entry {
        let token: SignedToken
        let until: Timestamp
    }

    private static let lifetime = Duration.seconds(60)
    private let capacity: Int
    private let entries = Mutex<[String: Entry]>([:])

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// The claims of a token that was found good less than 60 s ago and has not expired.
    func find(_ text: String, now: Timestamp) -> SignedToken? {
        entries.withLock { entries in
            guard let entry = entries[text], now < entry.until else { return nil }
            return entry.token
        }
    }

    /// Remembers a good token.
    func insert(_ text: String, _ token: SignedToken, now: Timestamp) {
        let until = min(now.advanced(by: Self.lifetime), token.claims.expiresAt)
        entries.withLock { entries in
            if entries.count >= capacity {
                entries = entries.filter { now < $0.value.until }
                // Full of live ones: starting anew is cheaper than keeping an order for a case that hardly comes.
                if entries.count >= capacity { entries = [:] }
            }
            entries[text] = Entry(token: token, until: until)
        }
    }
}

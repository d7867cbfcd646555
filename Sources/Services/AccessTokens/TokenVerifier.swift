import Crypto
package import EventSourcing
package import FoundationEssentials
import JSON
import Synchronization

/// Verifies access tokens: signature, issuer, times and revocation. A process verifies a token once; each service checks the audience for itself.
///
/// Hand-written beside the vetted Ed25519 because the rules here are stricter than a general library's: one algorithm, one key per `kid`, one way to
/// write a token, and every claim that we set is required. RFC 8725 §3 lists what goes wrong otherwise.
package final class TokenVerifier: Sendable {
    /// Clocks of two machines may differ by this much; expiry gets no such grace.
    private static let leeway = Duration.seconds(30)
    /// Longer tokens are refused unread; ours are a tenth of it.
    private static let maximumBytes = 4096

    private let keys: KeyRing
    private let cache: VerifiedTokenCache
    private let revocations: RevocationList
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - revocations: the tokens that this process knows to be revoked.
    ///   - fetchKeys: asks the issuer for its present keys.
    ///   - now: the clock.
    ///   - uptime: a clock that nobody sets, by which keys are fetched again.
    package init(
        revocations: RevocationList = RevocationList(), cacheCapacity: Int = 10_000, now: @escaping @Sendable () -> Timestamp = { .now },
        uptime: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetchKeys: @escaping @Sendable () async throws -> [VerificationKey]
    ) {
        self.revocations = revocations
        self.now = now
        keys = KeyRing(fetchKeys: fetchKeys, uptime: uptime)
        cache = VerifiedTokenCache(capacity: cacheCapacity)
    }

    /// The token, when it is good at this moment.
    package func verify(_ text: String) async throws(TokenError) -> VerifiedToken {
        guard text.utf8.count <= Self.maximumBytes else { throw .invalid }
        let time = now()
        let bytes = Array(text.utf8)
        let digest = SHA256.hash(data: bytes)
        let token: VerifiedToken
        if let known = cache.find(digest, now: time) {
            token = known
        } else {
            token = try await check(bytes, at: time)
            cache.insert(digest, token, now: time)
        }
        // Looked up each time: a token that was good a moment ago may have been revoked since.
        switch revocations.status(of: token) {
        case .valid: return token
        case .revoked: throw .revoked
        case .unknown: throw .unavailable(reason: "Whether the access token was revoked can't be found out at the moment.")
        }
    }

    /// A token that was verified a moment ago and is still good; nil when `verify(_:)` has to be asked.
    package func known(_ text: String) -> VerifiedToken? {
        guard text.utf8.count <= Self.maximumBytes, let token = cache.find(SHA256.hash(data: Array(text.utf8)), now: now()),
            revocations.status(of: token) == .valid
        else { return nil }
        return token
    }

    private func check(_ text: [UInt8], at time: Timestamp) async throws(TokenError) -> VerifiedToken {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let kid = Self.keyName(inHeader: parts[0]), let signature = Base64URL.decode(parts[2]) else { throw .invalid }
        guard let key = try await keys.key(kid), key.key.isValidSignature(signature, for: text[..<parts[1].endIndex]),
            let claims = Self.object(parts[1]), let token = AccessToken(claims: claims)
        else { throw .invalid }
        guard time < token.expiresAt else { throw .expired }
        let latest = time.advanced(by: Self.leeway)
        guard token.issuedAt <= latest, claims["nbf"] == nil || claims.time("nbf").map({ $0 <= latest }) == true else { throw .invalid }
        return VerifiedToken(claims: token, kid: key.kid)
    }

    /// The `kid` of a header that says EdDSA and nothing we don't know (`crit` has to be understood or refused, RFC 7515 §4.1.11).
    private static func keyName(inHeader encoded: ArraySlice<UInt8>) -> String? {
        guard let header = object(encoded), header["alg"] == .string("EdDSA"), header["typ"] == nil || header["typ"] == .string("JWT"),
            header["crit"] == nil
        else { return nil }
        return header["kid"]?.text
    }

    private static func object(_ encoded: ArraySlice<UInt8>) -> JSONObject? {
        guard let bytes = Base64URL.decode(encoded) else { return nil }
        // A token that is no JSON is as good as one with a wrong signature; there is nothing to tell its bearer.
        return (try? JSONValue.parse(bytes, maximumDepth: 4))?.members
    }
}

/// Why an access token is not accepted.
package enum TokenError: Error, Sendable, Equatable {
    /// It is forged, malformed, not yet valid, or of another issuer or audience.
    case invalid
    case expired
    case revoked
    /// The issuer's keys or the list of revocations can't be had, so nobody knows.
    case unavailable(reason: String)
}

/// The holder of a verified access token.
package struct SignedInUser: Sendable, Equatable {
    /// The rights of a user beyond their own things.
    package enum Role: String, Sendable, CaseIterable {
        case user
        case admin
    }

    package let id: UUID
    package let role: Role
    /// The session that the token belongs to; nil for tokens made on the server.
    package let session: UUID?
    /// Whether the operator made the token on the server. Such calls are not rate-limited.
    package let isOperator: Bool

    package init(id: UUID, role: Role, session: UUID? = nil, isOperator: Bool = false) {
        self.id = id
        self.role = role
        self.session = session
        self.isOperator = isOperator
    }
}

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

    init(capacity: Int) { self.capacity = capacity }

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

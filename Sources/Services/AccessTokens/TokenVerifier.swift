import Crypto
package import EventSourcing
import JSON

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

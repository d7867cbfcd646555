import Crypto
package import EventSourcing
import FoundationEssentials
import HTTPTypes
import JSON

/// Checks access tokens for one service, itself and completely: signature, issuer, audience, times, revocation.
///
/// Hand-written beside the vetted Ed25519 because the rules here are stricter than a general library's: one algorithm, one key per `kid`, no second way to write
/// the same token, no claim optional that we always set. RFC 8725 §3 lists what goes wrong otherwise.
package final class TokenVerifier: Sendable {
    /// Clocks of two machines may differ by this much; expiry gets no such grace.
    private static let leeway = Duration.seconds(30)

    private let audience: String
    private let keys: KeyRing
    private let verified: VerifiedTokens
    private let revocations: RevocationBook
    private let now: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - audience: the service's name; a token must be meant for it.
    ///   - revocations: what the process knows of tokens that ended before their time.
    ///   - fetchKeys: asks the issuer for its present keys.
    ///   - now: the clock.
    package init(
        audience: String, revocations: RevocationBook = RevocationBook(), cacheCapacity: Int = 10_000,
        now: @escaping @Sendable () -> Timestamp = { .now },
        fetchKeys: @escaping @Sendable () async throws -> [VerificationKey]
    ) {
        self.audience = audience
        self.revocations = revocations
        self.now = now
        keys = KeyRing(fetchKeys: fetchKeys, now: now)
        verified = VerifiedTokens(capacity: cacheCapacity)
    }

    /// Who the token's bearer is. 401 for a token that is not good here, 503 when that can't be found out.
    package func verify(_ token: String) async throws(Problem) -> SignedInUser {
        let time = now()
        let known: SignedToken
        if let cached = verified.find(token, now: time) {
            known = cached
        } else {
            known = try await check(token, at: time)
            verified.insert(token, known, now: time)
        }
        // Looked up each time: a token that was found good a moment ago may have ended since.
        switch revocations.standing(of: known.claims, signedWith: known.kid) {
        case .holds: return known.claims.user
        case .ended: throw Self.invalid("The access token was revoked.")
        case .unknown: throw .unavailable("Whether the access token was revoked can't be found out at the moment.")
        }
    }

    /// Whose token it is when it was found good a moment ago; nil when it would have to be checked.
    package func recall(_ token: String) -> SignedInUser? {
        guard let known = verified.find(token, now: now()) else { return nil }
        switch revocations.standing(of: known.claims, signedWith: known.kid) {
        case .holds: return known.claims.user
        case .ended, .unknown: return nil
        }
    }

    private func check(_ text: String, at time: Timestamp) async throws(Problem) -> SignedToken {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= HTTPLimits.maximumTokenBytes, parts.count == 3, let kid = Self.keyName(inHeader: parts[0]),
            let signature = Base64URL.decode(parts[2]), let key = try await keys.key(kid)
        else { throw Self.invalid() }
        guard key.key.isValidSignature(signature, for: Array(text.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))),
            let claims = Self.object(parts[1]), let token = AccessToken(claims: claims), token.audience.contains(audience)
        else { throw Self.invalid() }
        guard time < token.expiresAt else { throw Self.invalid("The access token has expired.") }
        let latest = time.advanced(by: Self.leeway)
        guard token.issuedAt <= latest, claims["nbf"] == nil || claims.time("nbf").map({ $0 <= latest }) == true else { throw Self.invalid() }
        return SignedToken(claims: token, kid: kid)
    }

    /// The `kid` of a header that says EdDSA and nothing we don't know (`crit` has to be understood or refused, RFC 7515 §4.1.11).
    private static func keyName(inHeader encoded: Substring) -> String? {
        guard let header = object(encoded), header["alg"]?.text == "EdDSA", header["typ"] == nil || header["typ"]?.text == "JWT",
            header["crit"] == nil
        else {
            return nil
        }
        return header["kid"]?.text
    }

    private static func object(_ encoded: Substring) -> JSONObject? {
        guard let bytes = Base64URL.decode(encoded) else { return nil }
        // A token that is no JSON is as good as one with a wrong signature; there is nothing to tell its bearer.
        return (try? JSONValue.parse(bytes, maximumDepth: 4))?.members
    }

    /// RFC 6750 §3.1: the challenge names the error when a token was sent.
    private static func invalid(_ detail: String = "The access token is not valid.") -> Problem {
        Problem(.unauthenticated, detail, headers: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
    }
}

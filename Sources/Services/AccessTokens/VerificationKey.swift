import Crypto
package import EventSourcing
package import JSON

/// The public half of a signing key.
package struct VerificationKey: Sendable {
    package let kid: String
    let key: Curve25519.Signing.PublicKey

    init(kid: String, key: Curve25519.Signing.PublicKey) {
        self.kid = kid
        self.key = key
    }

    /// - Parameter x: the 32 bytes of the point; others throw.
    package init(kid: String, x: some Sequence<UInt8>) throws {
        self.init(kid: kid, key: try Curve25519.Signing.PublicKey(rawRepresentation: Array(x)))
    }

    /// The 32 bytes of the point.
    package var x: [UInt8] { Array(key.rawRepresentation) }

    /// The key as the published set holds it (RFC 8037 §2). `alg` pins what it may be used with.
    package var jwk: JSONObject {
        [
            "kty": .string("OKP"), "crv": .string("Ed25519"), "alg": .string("EdDSA"), "use": .string("sig"), "kid": .string(kid),
            "x": .string(Base64URL.encode(x)),
        ]
    }

    /// Reads a published key; nil when it is none of this kind.
    package init?(jwk: JSONObject) {
        guard jwk["kty"] == .string("OKP"), jwk["crv"] == .string("Ed25519"), jwk["alg"] == .string("EdDSA"), let kid = jwk["kid"]?.text,
            !kid.isEmpty,
            let x = jwk["x"]?.text.flatMap({ Base64URL.decode($0.utf8) }), let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x)
        else { return nil }
        self.init(kid: kid, key: key)
    }

    /// The keys of a published set (RFC 7517 §5). Keys of another kind are passed over, as that section asks.
    package static func keys(jwks: JSONValue) -> [VerificationKey] {
        guard case .array(let keys)? = jwks["keys"] else { return [] }
        return keys.compactMap { $0.members.flatMap { VerificationKey(jwk: $0) } }
    }
}

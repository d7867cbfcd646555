import Crypto
import EventSourcing
import FoundationEssentials
package import JSON

/// The private half of an Ed25519 key with which access tokens are signed (RFC 8037).
package struct SigningKey: Sendable {
    /// Names the key in tokens and in the published set.
    package let kid: String
    private let privateKey: Curve25519.Signing.PrivateKey
    /// The header of an access token, which is made often.
    private let tokenHeader: String

    /// - Parameter privateKey: the 32 bytes of the seed; others throw.
    package init(kid: String, privateKey: some Sequence<UInt8>) throws {
        self.init(kid: kid, privateKey: try Curve25519.Signing.PrivateKey(rawRepresentation: Array(privateKey)))
    }

    private init(kid: String, privateKey: Curve25519.Signing.PrivateKey) {
        self.kid = kid
        self.privateKey = privateKey
        tokenHeader = Self.header(type: "JWT", kid: kid)
    }

    /// A new key with a name of its own.
    package static func generate() -> SigningKey {
        SigningKey(kid: UUID.v7().lowercased, privateKey: Curve25519.Signing.PrivateKey())
    }

    /// The seed, to be kept secret.
    package var privateKeyBytes: [UInt8] { Array(privateKey.rawRepresentation) }

    /// The half that verifies.
    package var publicKey: VerificationKey { VerificationKey(kid: kid, key: privateKey.publicKey) }

    /// The token in its compact form (RFC 7515 §3.1).
    package func sign(_ token: AccessToken) throws -> String { try sign(token.claims, under: tokenHeader) }

    /// Other claims than an access token's, in the same form. `type` goes into the header (RFC 8725 §3.11), so that neither can be taken for the
    /// other.
    package func sign(_ claims: JSONObject, type: String) throws -> String { try sign(claims, under: Self.header(type: type, kid: kid)) }

    private func sign(_ claims: JSONObject, under header: String) throws -> String {
        let input = header + "." + Base64URL.encode(JSONValue.object(claims).encoded)
        return input + "." + Base64URL.encode(try privateKey.signature(for: Array(input.utf8)))
    }

    private static func header(type: String, kid: String) -> String {
        Base64URL.encode(JSONValue.object(["alg": .string("EdDSA"), "kid": .string(kid), "typ": .string(type)]).encoded)
    }
}

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

import Crypto
import EventSourcing
import FoundationEssentials

/// The private half of an Ed25519 key with which access tokens are signed (RFC 8037).
package struct SigningKey: Sendable {
    /// Names the key in tokens and in the published set.
    package let kid: String
    private let privateKey: Curve25519.Signing.PrivateKey
    private let encodedHeader: String

    /// - Parameter privateKey: the 32 bytes of the seed; others throw.
    package init(kid: String, privateKey: some Sequence<UInt8>) throws {
        self.init(kid: kid, privateKey: try Curve25519.Signing.PrivateKey(rawRepresentation: Array(privateKey)))
    }

    private init(kid: String, privateKey: Curve25519.Signing.PrivateKey) {
        self.kid = kid
        self.privateKey = privateKey
        let header: JSONObject = ["alg": .string("EdDSA"), "kid": .string(kid), "typ": .string("JWT")]
        encodedHeader = Base64URL.encode(JSON.object(header).encoded)
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
    package func sign(_ token: AccessToken) throws -> String {
        let input = encodedHeader + "." + Base64URL.encode(JSON.object(token.claims).encoded)
        return input + "." + Base64URL.encode(try privateKey.signature(for: Array(input.utf8)))
    }
}

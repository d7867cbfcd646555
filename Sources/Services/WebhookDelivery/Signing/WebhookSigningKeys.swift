import Crypto
package import EventSourcing
import FoundationEssentials

/// The keys that one webhook's deliveries are signed with, as Standard Webhooks 1.0 says: a secret that the receiver has too (`v1`, HMAC-SHA-256),
/// and a private key whose public half the receiver has (`v1a`, Ed25519).
package struct WebhookSigningKeys: Sendable {
    private let secret: WebhookSecret
    private let privateKey: Curve25519.Signing.PrivateKey

    /// New keys, with the receiver's own secret if it has given one.
    package init(secret: WebhookSecret? = nil) {
        self.secret = secret ?? .random()
        privateKey = Curve25519.Signing.PrivateKey()
    }

    /// From the bytes that `bytes` gave out; nil for others.
    package init?(bytes: [UInt8]) {
        guard bytes.count > 32, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes.prefix(32)) else { return nil }
        privateKey = key
        secret = WebhookSecret(bytes: Array(bytes.dropFirst(32)))
    }

    /// For keeping, sealed.
    package var bytes: [UInt8] { Array(privateKey.rawRepresentation) + secret.bytes }

    /// `whsec_…`.
    package var secretText: String { secret.text }

    /// `whpk_…`.
    package var publicKeyText: String { "whpk_" + privateKey.publicKey.rawRepresentation.base64EncodedString() }

    /// Both signatures of one delivery, as they stand in `webhook-signature`.
    /// - Parameter seconds: since 1970, as in `webhook-timestamp`.
    package func signatures(id: String, seconds: Int64, body: [UInt8]) throws -> [String] {
        let signed = Array("\(id).\(seconds).".utf8) + body
        let code = HMAC<SHA256>.authenticationCode(for: signed, using: SymmetricKey(data: secret.bytes))
        return ["v1," + Data(code).base64EncodedString(), "v1a," + (try privateKey.signature(for: signed)).base64EncodedString()]
    }
}

/// A secret that sender and receiver of a webhook share: `whsec_` and 24 to 64 bytes in base64.
package struct WebhookSecret: TextValue {
    package let text: String
    let bytes: [UInt8]

    package init(_ text: String) throws(TextViolation) {
        guard text.hasPrefix("whsec_"), let bytes = Data(base64Encoded: String(text.dropFirst(6))), 24...64 ~= bytes.count else {
            throw TextViolation("must be whsec_ and 24 to 64 bytes in base64")
        }
        self.init(bytes: Array(bytes))
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
        text = "whsec_" + Data(bytes).base64EncodedString()
    }

    static func random() -> WebhookSecret { WebhookSecret(bytes: SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }) }
}

import AccessTokens
import Crypto
import HTTPContract

/// A refresh token: 256 random bits, as its holder has it. The database has its hash only.
struct RefreshToken: Sendable {
    private let bytes: [UInt8]

    /// A new one from the system's random source.
    static func random() -> RefreshToken {
        var random = SystemRandomNumberGenerator()
        return RefreshToken(bytes: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Nil for a text that can't be one of ours.
    init?(_ text: String) {
        guard let bytes = Base64URL.decode(text.utf8), bytes.count == 32 else { return nil }
        self.init(bytes: bytes)
    }

    var text: String { Base64URL.encode(bytes) }

    /// SHA-256: there is nothing to guess in 256 random bits, so nothing slower is needed.
    var hash: [UInt8] { Array(SHA256.hash(data: bytes)) }
}

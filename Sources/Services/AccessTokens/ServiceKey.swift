package import Crypto
package import EventSourcing

/// The key that the services of one installation share, and the short tokens made with it: they say which service calls which.
///
/// `<from>.<to>.<expiry in seconds>.<HMAC-SHA-256>`, good for 60 s. Each use of the key has its own subkey, so no token can pass for a cursor.
package struct ServiceKey: Sendable {
    private static let lifetime = Duration.seconds(60)
    /// A clock may run ahead of ours by this much; a longer-lived token was not made by `token(from:to:now:)`.
    private static let leeway = Duration.seconds(30)
    private static let maximumBytes = 256

    private let root: SymmetricKey
    private let tokenKey: SymmetricKey

    /// - Parameter bytes: 32 random bytes or more, from a file that only the services can read.
    package init(bytes: some Sequence<UInt8>) {
        root = SymmetricKey(data: Array(bytes))
        tokenKey = Self.derive("service token", from: root)
    }

    /// A token with which `from` may call `to` for the next 60 s.
    package func token(from: String, to: String, now: Timestamp) -> String {
        let claim = "\(from).\(to).\(now.advanced(by: Self.lifetime).seconds)"
        return claim + "." + Base64URL.encode(HMAC<SHA256>.authenticationCode(for: Array(claim.utf8), using: tokenKey))
    }

    /// The calling service's name when the token is genuine, meant for `audience`, and of these 60 s. Compares in constant time.
    package func verify(_ token: String, audience: String, now: Timestamp) -> String? {
        guard token.utf8.count <= Self.maximumBytes else { return nil }
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4, let code = Base64URL.decode(parts[3]),
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: bytes[..<parts[2].endIndex], using: tokenKey)
        else { return nil }
        // From here on the text is ours.
        guard parts[1].elementsEqual(audience.utf8), let expiry = Int64(String(decoding: parts[2], as: UTF8.self)) else { return nil }
        let expires = Timestamp(milliseconds: expiry * 1000)
        guard now < expires, expires <= now.advanced(by: Self.lifetime + Self.leeway) else { return nil }
        return String(decoding: parts[0], as: UTF8.self)
    }

    /// An independent key for one purpose.
    package func subkey(_ purpose: String) -> SymmetricKey { Self.derive(purpose, from: root) }

    private static func derive(_ purpose: String, from root: SymmetricKey) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Array("annals \(purpose)".utf8), outputByteCount: 32)
    }
}

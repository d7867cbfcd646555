import Crypto
package import EventSourcing

/// The key that the services of one installation share, and the short tokens made with it: they say which service calls which.
///
/// `<from>.<to>.<expiry in seconds>.<HMAC-SHA-256>`, good for 60 s. Each use of the key has its own subkey, so no token can pass for a cursor.
package struct ServiceKey: Sendable {
    private static let lifetime = Duration.seconds(60)
    /// A clock may run ahead of ours by this much; a longer-lived token was not made by `token(from:to:now:)`.
    private static let leeway = Duration.seconds(30)

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
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[0].isEmpty, let code = Base64URL.decode(parts[3]), let expiry = parts[2].canonicalNumber, expiry < 1 << 40
        else { return nil }
        let claim = token.utf8.prefix(token.utf8.count - parts[3].utf8.count - 1)
        guard HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Array(claim), using: tokenKey), parts[1] == audience else { return nil }
        let expires = Timestamp(milliseconds: expiry * 1000)
        guard now < expires, expires <= now.advanced(by: Self.lifetime + Self.leeway) else { return nil }
        return String(parts[0])
    }

    /// An independent key for one purpose.
    func subkey(_ purpose: String) -> SymmetricKey { Self.derive(purpose, from: root) }

    private static func derive(_ purpose: String, from root: SymmetricKey) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Array("annals \(purpose)".utf8), outputByteCount: 32)
    }
}

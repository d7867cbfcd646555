import Crypto
package import EventSourcing
package import PublishingAPI

/// The public keys of the services, with which each verifies who calls it. They are no secret.
package struct ServiceKeys: Sendable {
    /// A clock may run ahead of ours by this much; a longer-lived token was not made by a `ServiceIdentity`.
    private static let leeway = Duration.seconds(30)
    private static let maximumBytes = 256

    private let keys: [ServiceName: Curve25519.Signing.PublicKey]

    /// The keys of these services.
    package init(_ identities: [ServiceIdentity]) {
        self.init(keys: Dictionary(identities.map { ($0.name, $0.publicKey) }) { $1 }.compactMapValues { Self.key($0) })
    }

    private init(keys: [ServiceName: Curve25519.Signing.PublicKey]) { self.keys = keys }

    private static func key(_ bytes: [UInt8]) -> Curve25519.Signing.PublicKey? { try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) }

    /// Reads what `text` writes: a line for each service, with its name and its key in base64url. Nil when a line is anything else or a name comes
    /// twice.
    package init?(text: some StringProtocol) {
        var keys: [ServiceName: Curve25519.Signing.PublicKey] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(separator: " ")
            guard words.count == 2, let name = ServiceName(rawValue: String(words[0])), keys[name] == nil,
                let key = Base64URL.decode(words[1].utf8).flatMap({ Self.key($0) })
            else { return nil }
            keys[name] = key
        }
        self.init(keys: keys)
    }

    /// One line for each service, as a file holds it.
    package var text: String {
        ServiceName.allCases.compactMap { name in keys[name].map { "\(name.rawValue) \(Base64URL.encode(Array($0.rawRepresentation)))\n" } }.joined()
    }

    /// The calling service, when the token is signed with its key, meant for `audience`, and of these 60 s.
    package func verify(_ token: String, audience: ServiceName, now: Timestamp = .now) -> ServiceName? {
        guard token.utf8.count <= Self.maximumBytes else { return nil }
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4, let caller = ServiceName(rawValue: String(decoding: parts[0], as: UTF8.self)), let key = keys[caller],
            let signature = Base64URL.decode(parts[3]),
            key.isValidSignature(signature, for: ServiceIdentity.signedText(bytes[..<parts[2].endIndex]))
        else { return nil }
        // From here on the text is the caller's.
        guard parts[1].elementsEqual(audience.rawValue.utf8), let expiry = Int64(String(decoding: parts[2], as: UTF8.self)), 0...(1 << 40) ~= expiry
        else { return nil }
        let expires = Timestamp(milliseconds: expiry * 1000)
        guard now < expires, expires <= now.advanced(by: ServiceIdentity.lifetime + Self.leeway) else { return nil }
        return caller
    }
}

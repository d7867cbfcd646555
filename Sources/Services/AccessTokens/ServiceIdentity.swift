import Crypto
package import EventSourcing
package import PublishingAPI

/// A service's name and the private key that proves it: signs the short tokens with which the service calls others.
///
/// `<from>.<to>.<expiry in seconds>.<Ed25519 signature>`, good for 60 s. The holder of one service's key can't act as another.
package struct ServiceIdentity: Sendable {
    static let lifetime = Duration.seconds(60)

    package let name: ServiceName
    private let key: Curve25519.Signing.PrivateKey

    /// - Parameter seed: the 32 bytes of the private key, from a file that only this service can read. Others throw.
    package init(_ name: ServiceName, seed: some Sequence<UInt8>) throws {
        self.name = name
        key = try Curve25519.Signing.PrivateKey(rawRepresentation: Array(seed))
    }

    private init(_ name: ServiceName, _ key: Curve25519.Signing.PrivateKey) {
        self.name = name
        self.key = key
    }

    /// An identity with a new key.
    package static func generate(_ name: ServiceName) -> ServiceIdentity { ServiceIdentity(name, Curve25519.Signing.PrivateKey()) }

    /// The public half of the key, 32 bytes.
    package var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    /// A token with which this service may call `audience` for the next 60 s.
    package func token(to audience: ServiceName, now: Timestamp = .now) throws -> String {
        let claim = "\(name.rawValue).\(audience.rawValue).\(now.advanced(by: Self.lifetime).seconds)"
        return claim + "." + Base64URL.encode(try key.signature(for: Self.signedText(claim.utf8)))
    }

    /// The bytes under the signature: with their purpose in front, so that no other signature of the key passes for a token.
    static func signedText(_ claim: some Collection<UInt8>) -> [UInt8] { Array("annals service token\n".utf8) + claim }
}

/// The identities of all services: held only by a process that runs them all.
package struct ServiceIdentities: Sendable {
    private let gateway, auth, commands, queries, relay: ServiceIdentity

    /// - Parameter identity: makes or reads one.
    package init(_ identity: (ServiceName) throws -> ServiceIdentity) rethrows {
        gateway = try identity(.gateway)
        auth = try identity(.auth)
        commands = try identity(.commands)
        queries = try identity(.queries)
        relay = try identity(.relay)
    }

    /// New ones.
    package static func generate() -> ServiceIdentities { ServiceIdentities { .generate($0) } }

    package subscript(name: ServiceName) -> ServiceIdentity {
        switch name {
        case .gateway: gateway
        case .auth: auth
        case .commands: commands
        case .queries: queries
        case .relay: relay
        }
    }

    /// Their public keys.
    package var keys: ServiceKeys { ServiceKeys(ServiceName.allCases.map { self[$0] }) }
}

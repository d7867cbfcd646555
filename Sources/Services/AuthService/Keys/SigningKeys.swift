package import AccessTokens
package import EventSourcing
import HTTPContract
package import Postgres
import Synchronization

/// The keys that access tokens are signed with. There is one current key, made on first use; after a rotation the next key, published before it
/// signs; and retired keys, published for as long as their tokens live.
package final class SigningKeys: Sendable {
    /// Why a key can't be used.
    package enum Failure: Error, Equatable {
        /// The stored key was wrapped with another master key, or was changed.
        case wrongMasterKey(kid: String)
        /// The key vanished between two looks.
        case missing
        /// The last rotation's key does not sign yet.
        case rotationUnderWay(kid: String, signsFrom: Timestamp)
        /// There is no key with that id.
        case unknown(kid: String)
    }

    /// The most by which another process's clock may be behind, with room to spare. Such a process still signs with a key that is retired.
    private static let handover = Duration.seconds(5 * 60)

    let identity: ConnectionPool
    let wrapping: KeyWrapping
    let settings: AuthSettings
    /// The key that was unwrapped last.
    private let known = Mutex<SigningKey?>(nil)

    /// - Parameter settings: how long tokens live, and the clock.
    package init(identity: ConnectionPool, wrapping: KeyWrapping, settings: AuthSettings = AuthSettings()) {
        self.identity = identity
        self.wrapping = wrapping
        self.settings = settings
    }

    /// The key to sign with, made if there is none. If two processes find none at once, one makes it and both use it. Each call asks the database, so
    /// that a key that was withdrawn elsewhere signs nothing more; only the unwrapped key is cached.
    package func current() async throws -> SigningKey {
        if let key = try await load() { return key }
        guard let key = try await make() else { throw Failure.missing }
        return key
    }

    /// Every key that may sign a valid token: the next, the current and the retired ones.
    package func published() async throws -> [VerificationKey] {
        // The caller may soon verify the first token, and then needs its key.
        _ = try await current()
        let overlap = max(settings.accessTokenLifetime, settings.operatorTokenLifetime) + Self.handover
        let oldest = settings.now().milliseconds - Int64(overlap / .milliseconds(1))
        return try await identity.query(.publishedKeys, [.timestamp(oldest)]).map {
            try VerificationKey(kid: $0.get(0), x: $0.get(1, as: [UInt8].self))
        }
    }

    private func load() async throws -> SigningKey? {
        guard let row = try await identity.query(.currentKey, [.timestamp(settings.now().milliseconds)]).first else { return nil }
        let kid: String = try row.get(0)
        if let key = known.withLock({ $0 }), key.kid == kid { return key }
        let key: SigningKey
        do {
            key = try SigningKey(kid: kid, privateKey: wrapping.unwrap(row.get(1, as: [UInt8].self)))
        } catch {
            throw Failure.wrongMasterKey(kid: kid)
        }
        known.withLock { $0 = key }
        return key
    }

    private func make() async throws -> SigningKey? {
        // Signs from the beginning of time: the clock of another process may be behind this one's.
        let insertion = try insertion(of: .generate(), signsFrom: .min)
        try await identity.query(insertion.statement, insertion.values)
        return try await load()
    }

    /// - Parameter signsFrom: milliseconds since 1970.
    func insertion(of key: SigningKey, signsFrom: Int64) throws -> Query {
        let wrapped = try wrapping.wrap(key.privateKeyBytes)
        return Query(
            .insertKey,
            [.text(key.kid), .bytes(wrapped), .bytes(key.publicKey.x), .timestamp(settings.now().milliseconds), .timestamp(signsFrom)])
    }
}

extension Statement {
    fileprivate static let currentKey = Statement(
        "current_signing_key",
        """
        SELECT kid, wrapped_private_key FROM identity.signing_keys
        WHERE signs_from <= $1 AND (retired_at IS NULL OR retired_at > $1) AND revoked_at IS NULL
        ORDER BY signs_from DESC, retired_at LIMIT 1
        """)

    fileprivate static let publishedKeys = Statement(
        "published_signing_keys",
        """
        SELECT kid, public_key FROM identity.signing_keys
        WHERE (retired_at IS NULL OR retired_at > $1) AND revoked_at IS NULL
        ORDER BY retired_at IS NOT NULL, created_at DESC
        """)

    // The unique index allows one key that is not to be retired. A second insertion waits for the first one's commit and then conflicts.
    fileprivate static let insertKey = Statement(
        "insert_signing_key",
        """
        INSERT INTO identity.signing_keys (kid, wrapped_private_key, public_key, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        """)
}

/// Wraps private keys with the master key before they are stored. This service never sees the master key.
package struct KeyWrapping: Sendable {
    /// Wraps a key. The result differs each time.
    package let wrap: @Sendable ([UInt8]) throws -> [UInt8]
    /// Unwraps a key. Throws if the master key is another one, or if the bytes were changed.
    package let unwrap: @Sendable ([UInt8]) throws -> [UInt8]

    /// A pair that belongs together.
    package init(wrap: @escaping @Sendable ([UInt8]) throws -> [UInt8], unwrap: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
        self.wrap = wrap
        self.unwrap = unwrap
    }
}

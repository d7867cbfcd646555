package import AccessTokens
package import EventSourcing
import HTTPContract
package import Postgres
import Synchronization

/// The keys that access tokens are signed with: one current, made on first use; after a rotation the next one, published before it signs; and the
/// retired ones for as long
/// as their tokens live.
package final class SigningKeys: Sendable {
    /// The reasons that keep keys from being used.
    package enum Failure: Error, Equatable {
        /// The stored key was locked with another master key, or changed.
        case wrongMasterKey(kid: String)
        /// The key vanished between two looks.
        case missing
        /// A key is published that does not sign yet: one rotation at a time.
        case rotationUnderWay(kid: String, signsFrom: Timestamp)
        /// There never was a key of that name.
        case unknown(kid: String)
    }

    /// How far the clock of a process may be behind, which goes on signing with a key that is retired; with room to spare.
    private static let handover = Duration.seconds(5 * 60)

    let identity: ConnectionPool
    let wrapping: KeyWrapping
    let settings: AuthSettings
    /// The one that was unwrapped last.
    private let known = Mutex<SigningKey?>(nil)

    /// - Parameter settings: how long tokens live, and the clock.
    package init(identity: ConnectionPool, wrapping: KeyWrapping, settings: AuthSettings = AuthSettings()) {
        self.identity = identity
        self.wrapping = wrapping
        self.settings = settings
    }

    /// The key to sign with, made when there is none. Of two processes that find none at once, one makes it and both use it. Asks the database each
    /// time, so that a key that
    /// was withdrawn beside this process signs nothing more; only what it unwrapped is remembered.
    package func current() async throws -> SigningKey {
        if let key = try await load() { return key }
        guard let key = try await make() else { throw Failure.missing }
        return key
    }

    /// Every key that a token may be signed with, soon, now or still.
    package func published() async throws -> [VerificationKey] {
        // The caller may be about to see the first token, and then needs its key.
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

    // The unique index on the key that is not to be retired makes a second one a conflict, which waits for the first to be committed.
    fileprivate static let insertKey = Statement(
        "insert_signing_key",
        """
        INSERT INTO identity.signing_keys (kid, wrapped_private_key, public_key, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING
        """)
}

/// How private keys are locked before they are stored: under the master key, which this service never sees.
package struct KeyWrapping: Sendable {
    /// Locks; the result differs each time.
    package let wrap: @Sendable ([UInt8]) throws -> [UInt8]
    /// Opens what `wrap` locked; throws when it was another master key, or when the bytes were changed.
    package let unwrap: @Sendable ([UInt8]) throws -> [UInt8]

    /// A pair that belongs together.
    package init(wrap: @escaping @Sendable ([UInt8]) throws -> [UInt8], unwrap: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
        self.wrap = wrap
        self.unwrap = unwrap
    }
}

import AccessTokens
package import EventSourcing
import HTTPContract
import Postgres

/// A key that is to sign from a moment on.
package struct KeyRotation: Sendable, Equatable {
    package let kid: String
    /// When it takes over; until then it is only published.
    package let signsFrom: Timestamp
    /// The key that signs until then.
    package let retired: String
}

/// A signing key without its private part.
package struct SigningKeyRecord: Sendable, Equatable {
    package let kid: String
    package let createdAt: Timestamp
    /// Nil for one that signed at once: the first, or the next after a withdrawal.
    package let signsFrom: Timestamp?
    /// Nil while no other is to follow it.
    package let retiredAt: Timestamp?
    /// Nil for one that was not withdrawn.
    package let revokedAt: Timestamp?
}

extension SigningKeys {
    /// Makes the next key. It is published at once and signs after `AuthSettings.keyOverlap`, when every running process and every cache has seen it; the present one is retired at
    /// that moment, and stays published until its tokens have expired. Throws `Failure.rotationUnderWay` while the last rotation's key does not sign yet.
    package func rotate() async throws -> KeyRotation {
        _ = try await current()
        let next = SigningKey.generate()
        let now = settings.now()
        let signsFrom = now.advanced(by: settings.keyOverlap)
        let insertion = try insertion(of: next, signsFrom: signsFrom.milliseconds)
        return try await identity.withTransaction { transaction -> KeyRotation in
            // Of two operators one goes first, and the other finds the rotation under way.
            try await transaction.query(.lockRotation)
            guard let row = try await transaction.query(.lastKey).first else { throw Failure.missing }
            let last: String = try row.get(0)
            let begins = Timestamp(milliseconds: try row.milliseconds(1))
            guard begins <= now else { throw Failure.rotationUnderWay(kid: last, signsFrom: begins) }
            try await transaction.query(.retireKey, [.text(last), .timestamp(signsFrom.milliseconds)])
            try await transaction.query(insertion.statement, insertion.values)
            return KeyRotation(kid: next.kid, signsFrom: signsFrom, retired: last)
        }
    }

    /// All keys there ever were, the newest first.
    package func records() async throws -> [SigningKeyRecord] {
        try await identity.query(.allKeys).map { row in
            let signsFrom = try row.milliseconds(2)
            return SigningKeyRecord(
                kid: try row.get(0), createdAt: Timestamp(milliseconds: try row.milliseconds(1)),
                signsFrom: signsFrom == .min ? nil : Timestamp(milliseconds: signsFrom),
                retiredAt: try row.millisecondsOrNil(3).map { Timestamp(milliseconds: $0) },
                revokedAt: try row.millisecondsOrNil(4).map { Timestamp(milliseconds: $0) })
        }
    }
}

extension Statement {
    // The number is this lock's alone; it goes with the transaction, so it works through any pooler.
    static let lockRotation = Statement("lock_key_rotation", "SELECT pg_advisory_xact_lock(4203011)")

    static let lastKey = Statement("last_signing_key", "SELECT kid, signs_from FROM identity.signing_keys WHERE retired_at IS NULL")

    fileprivate static let retireKey = Statement("retire_signing_key", "UPDATE identity.signing_keys SET retired_at = $2 WHERE kid = $1")

    fileprivate static let allKeys = Statement(
        "all_signing_keys", "SELECT kid, created_at, signs_from, retired_at, revoked_at FROM identity.signing_keys ORDER BY created_at DESC, kid DESC"
    )
}

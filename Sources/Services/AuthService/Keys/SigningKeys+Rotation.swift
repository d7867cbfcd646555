import AccessTokens
package import EventSourcing
import HTTPContract
import Postgres

/// A new key, and when it begins to sign.
package struct KeyRotation: Sendable, Equatable {
    package let kid: String
    /// When it takes over. Until then it is only published.
    package let signsFrom: Timestamp
    /// The key that signs until then.
    package let retired: String
}

/// A signing key without its private part.
package struct SigningKeyRecord: Sendable, Equatable {
    package let kid: String
    package let createdAt: Timestamp
    /// Nil if it signed at once, as the first key does and the next after a withdrawal.
    package let signsFrom: Timestamp?
    /// Nil while no other key is to follow it.
    package let retiredAt: Timestamp?
    /// Nil if it was not withdrawn.
    package let revokedAt: Timestamp?
}

extension SigningKeys {
    /// Makes the next key. It is published at once and signs after `AuthSettings.keyOverlap`, when every running process and every cache has seen it.
    /// The present key is retired at that moment and stays published until its tokens have expired. Throws `Failure.rotationUnderWay` if the last
    /// rotation's key does not sign yet.
    package func rotate() async throws -> KeyRotation {
        _ = try await current()
        let next = SigningKey.generate()
        let now = settings.now()
        let signsFrom = now.advanced(by: settings.keyOverlap)
        let insertion = try insertion(of: next, signsFrom: signsFrom.milliseconds)
        return try await identity.withTransaction { transaction -> KeyRotation in
            // If two operators rotate at once, the second one finds the rotation under way.
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

    /// All keys that were ever made, newest first.
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
    // No other lock has this number. It is released with the transaction, so it works through any pooler.
    static let lockRotation = Statement("lock_key_rotation", "SELECT pg_advisory_xact_lock(4203011)")

    static let lastKey = Statement("last_signing_key", "SELECT kid, signs_from FROM identity.signing_keys WHERE retired_at IS NULL")

    fileprivate static let retireKey = Statement("retire_signing_key", "UPDATE identity.signing_keys SET retired_at = $2 WHERE kid = $1")

    fileprivate static let allKeys = Statement(
        "all_signing_keys", "SELECT kid, created_at, signs_from, retired_at, revoked_at FROM identity.signing_keys ORDER BY created_at DESC, kid DESC"
    )
}

/// A key that was withdrawn.
package struct KeyWithdrawal: Sendable, Equatable {
    package let kid: String
    /// The newest key: it signs now or next.
    package let successor: String
}

extension SigningKeys {
    /// Withdraws a key that somebody else may have. It signs nothing more and is not published, and every service learns from the feed to refuse its
    /// tokens. If it was the key that signs, the next key signs at once, and is made if there is none. A second call changes nothing. Throws
    /// `Failure.unknown`.
    package func revoke(_ kid: String) async throws -> KeyWithdrawal {
        let now = SQLValue.timestamp(settings.now().milliseconds)
        let insertion = try insertion(of: .generate(), signsFrom: .min)
        return try await identity.withTransaction { transaction -> KeyWithdrawal in
            try await transaction.query(.lockRotation)
            guard try await transaction.query(.revokeKey, [.text(kid), now]).affectedRows == 1 else { throw Failure.unknown(kid: kid) }
            // Adds a key only if all others are retired or to be retired.
            try await transaction.query(insertion.statement, insertion.values)
            try await transaction.query(.signAtOnce, [now])
            guard let last = try await transaction.query(.lastKey).first else { throw Failure.missing }
            return KeyWithdrawal(kid: kid, successor: try last.get(0))
        }
    }
}

extension Statement {
    fileprivate static let revokeKey = Statement(
        "revoke_signing_key",
        "UPDATE identity.signing_keys SET revoked_at = coalesce(revoked_at, $2), retired_at = least(retired_at, $2) WHERE kid = $1")

    // The key signs from the beginning of time, since the clock of another process may be behind this one's.
    fileprivate static let signAtOnce = Statement(
        "sign_at_once",
        """
        UPDATE identity.signing_keys SET signs_from = '-infinity'
        WHERE retired_at IS NULL AND signs_from > $1 AND NOT EXISTS (
            SELECT FROM identity.signing_keys AS good WHERE good.signs_from <= $1 AND good.retired_at > $1 AND good.revoked_at IS NULL
        )
        """)
}

import AccessTokens
import EventSourcing
import HTTPContract
import Postgres

/// A key that was withdrawn.
package struct KeyWithdrawal: Sendable, Equatable {
    package let kid: String
    /// The key that signs, or is to follow the one that does.
    package let successor: String
}

extension SigningKeys {
    /// Withdraws a key that somebody else may have: it signs nothing more and is not published, and the feed has every service refuse its tokens, whenever they say they were
    /// made. When it was the key that signs, the next one, made unless there is one, signs at once. A second time it changes nothing. Throws `Failure.unknown`.
    package func revoke(_ kid: String) async throws -> KeyWithdrawal {
        let now = SQLValue.timestamp(settings.now().milliseconds)
        let insertion = try insertion(of: .generate(), signsFrom: .min)
        return try await identity.withTransaction { transaction -> KeyWithdrawal in
            try await transaction.query(.lockRotation)
            guard try await transaction.query(.revokeKey, [.text(kid), now]).affectedRows == 1 else { throw Failure.unknown(kid: kid) }
            // Adds one only when none is left that is not to be retired.
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

    // From the beginning of time: the clock of another process may be behind this one's.
    fileprivate static let signAtOnce = Statement(
        "sign_at_once",
        """
        UPDATE identity.signing_keys SET signs_from = '-infinity'
        WHERE retired_at IS NULL AND signs_from > $1 AND NOT EXISTS (
            SELECT FROM identity.signing_keys AS good WHERE good.signs_from <= $1 AND good.retired_at > $1 AND good.revoked_at IS NULL
        )
        """)
}

import AccessTokens
package import EventSourcing
package import FoundationEssentials
import HTTPContract
package import JSON
import Postgres
import Publishing

extension AuthOperator {
    /// The identity database's record of a person, for their export: the account, the closures, and the sessions with the times of their tokens and
    /// the keyed hash of the address that each was opened from. It does not contain the password or any token.
    package func record(of user: UUID) async throws -> JSONObject {
        let account = try await identity.query(.accountRecord, [.uuid(user)]).first
        let sessions = try await identity.query(.sessionRecords, [.uuid(user)])
        let tokens = try await tokenRecords(of: user)
        let closures = try await Closures(identity: identity, now: settings.now).all(of: user)
        return [
            "role": try account.map { .string(try $0.get(0)) } ?? .null,
            "status": try account.map { .string(try $0.get(1)) } ?? .null,
            "passwordChangedAt": try account.flatMap { try $0.millisecondsOrNil(2) }.time,
            "sessions": .array(try sessions.map { .object(try Self.record($0, tokens)) }),
            "closures": .array(closures.map { .object($0.record) }),
        ]
    }

    private static func record(_ session: Row, _ tokens: [UUID: [JSONValue]]) throws -> JSONObject {
        let id: UUID = try session.get(0)
        return [
            "id": .string(id.lowercased), "createdAt": try session.millisecondsOrNil(1).time, "expiresAt": try session.millisecondsOrNil(2).time,
            "revokedAt": try session.millisecondsOrNil(3).time,
            "addressHash": try session.get(4, as: [UInt8]?.self).map { .string(Base64URL.encode($0)) } ?? .null,
            "refreshTokens": .array(tokens[id] ?? []),
        ]
    }

    /// By session, oldest first.
    private func tokenRecords(of user: UUID) async throws -> [UUID: [JSONValue]] {
        try await identity.query(.tokenRecords, [.uuid(user)]).reduce(into: [:]) { records, row in
            records[try row.get(0), default: []].append(
                .object(["expiresAt": try row.millisecondsOrNil(1).time, "usedAt": try row.millisecondsOrNil(2).time]))
        }
    }
}

extension Closure {
    fileprivate var record: JSONObject {
        [
            "id": .string(id.lowercased), "status": .string(status.rawValue), "requestedAt": .string(requestedAt.description),
            "request": .string(correlation),
            "steps": .array(steps.map { .object(["name": .string($0.step.rawValue), "at": .string($0.at.description)]) }),
            "receipt": receipt.map { .string($0.token) } ?? .null,
        ]
    }
}

extension Int64? {
    /// Milliseconds since 1970 as RFC 3339; null for none.
    fileprivate var time: JSONValue { map { .string(Timestamp(milliseconds: $0).description) } ?? .null }
}

extension Statement {
    fileprivate static let accountRecord = Statement(
        "account_record",
        """
        SELECT account.role, account.status, credentials.changed_at
        FROM identity.accounts AS account LEFT JOIN identity.credentials AS credentials USING (user_id) WHERE account.user_id = $1
        """)

    fileprivate static let sessionRecords = Statement(
        "session_records",
        "SELECT id, created_at, expires_at, revoked_at, address_hash FROM identity.sessions WHERE user_id = $1 ORDER BY created_at, id")

    fileprivate static let tokenRecords = Statement(
        "token_records",
        """
        SELECT token.session_id, token.expires_at, token.used_at
        FROM identity.refresh_tokens AS token JOIN identity.sessions AS session ON session.id = token.session_id
        WHERE session.user_id = $1 ORDER BY token.expires_at
        """)
}

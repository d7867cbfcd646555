package import EventSourcing
package import FoundationEssentials
import HTTPContract
import Postgres
import Processes

extension AuthOperator {
    /// What the identity database holds about a person, for their export: the account as far as signing in knows it, sessions, closures. Of what proves them (password,
    /// tokens) only that it is there.
    package func record(of user: UUID) async throws -> JSONObject {
        let account = try await identity.query(.accountRecord, [.uuid(user)]).first
        let sessions = try await identity.query(.sessionRecords, [.uuid(user)])
        let closures = try await Closures(identity: identity, now: settings.now).all(of: user)
        return [
            "role": try account.map { .string(try $0.get(0)) } ?? .null,
            "status": try account.map { .string(try $0.get(1)) } ?? .null,
            "passwordChangedAt": try account.flatMap { try $0.millisecondsOrNil(2) }.time,
            "sessions": .array(
                try sessions.map { row in
                    .object([
                        "id": .string(try row.get(0, as: UUID.self).lowercased), "createdAt": try row.millisecondsOrNil(1).time,
                        "expiresAt": try row.millisecondsOrNil(2).time, "revokedAt": try row.millisecondsOrNil(3).time,
                    ])
                }),
            "closures": .array(closures.map { .object($0.record) }),
        ]
    }
}

extension Closure {
    fileprivate var record: JSONObject {
        [
            "id": .string(id.lowercased), "status": .string(status.rawValue), "requestedAt": .string(requestedAt.description),
            "steps": .array(steps.map { .object(["name": .string($0.step.rawValue), "at": .string($0.at.description)]) }),
            "receipt": receipt.map { .string($0.token) } ?? .null,
        ]
    }
}

extension Int64? {
    /// Milliseconds since 1970 as RFC 3339; null for none.
    fileprivate var time: JSON { map { .string(Timestamp(milliseconds: $0).description) } ?? .null }
}

extension Statement {
    fileprivate static let accountRecord = Statement(
        "account_record",
        """
        SELECT account.role, account.status, credentials.changed_at
        FROM identity.accounts AS account LEFT JOIN identity.credentials AS credentials USING (user_id) WHERE account.user_id = $1
        """)

    fileprivate static let sessionRecords = Statement(
        "session_records", "SELECT id, created_at, expires_at, revoked_at FROM identity.sessions WHERE user_id = $1 ORDER BY created_at, id")
}

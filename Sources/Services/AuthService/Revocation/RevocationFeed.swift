import AccessTokens
import EventSourcing
import FoundationEssentials
import HTTPContract
import Postgres

/// The revocations of tokens, read from the identity database. Sessions are listed for as long as their access tokens may live, users for as long as
/// any token may, and withdrawn keys for ever.
struct RevocationFeed: Sendable {
    /// Allows for the clocks of two machines and for calls that are under way.
    private static let slack = Duration.seconds(60)

    /// A reader's place: the server's start, and the oldest transaction that was open when it read. After another start, as after a restore or on
    /// another server, transactions are counted anew.
    private struct Cursor {
        let start: String
        let transaction: String

        init?(_ text: String) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ 1...20 ~= $0.utf8.count && UInt64($0) != nil }) else { return nil }
            start = String(parts[0])
            transaction = String(parts[1])
        }

        var text: String { "\(start).\(transaction)" }
    }

    let identity: ConnectionPool
    let follower: AccountFollower
    let settings: AuthSettings

    /// The revocations since the cursor. Without a cursor, or with one of another server, all that still matter. Throws 503 while the accounts are
    /// behind the log, because a deactivation that is in the log and not here yet would be missing unnoticed.
    func news(after text: String?) async throws -> RevocationUpdate {
        try await follower.confirmLevel(within: settings.followerPatience)
        if let cursor = text.flatMap({ Cursor($0) }) {
            let news = try await read(.endingsSince, [.text(cursor.transaction)])
            if news.cursor.start == cursor.start { return RevocationUpdate(cursor: news.cursor.text, revocations: news.revocations) }
        }
        let news = try await read(.endings, [])
        return RevocationUpdate(cursor: news.cursor.text, revocations: news.revocations)
    }

    private func read(_ statement: Statement, _ values: [SQLValue]) async throws -> (cursor: Cursor, revocations: Revocations) {
        let now = settings.now()
        func oldest(_ lifetime: Duration) -> SQLValue { .timestamp(now.advanced(by: .zero - lifetime - Self.slack).milliseconds) }
        let bounds = [oldest(settings.accessTokenLifetime), oldest(max(settings.accessTokenLifetime, settings.operatorTokenLifetime))]
        var cursor: Cursor?
        var revocations = Revocations()
        for row in try await identity.query(statement, bounds + values) {
            if let kid = try row.get(4, as: String?.self) {
                revocations.keys.insert(kid)
            } else if let text = try row.get(0, as: String?.self) {
                cursor = Cursor(text)
            } else if let session = try row.get(1, as: UUID?.self) {
                revocations.sessions.insert(session)
            } else {
                revocations.users[try row.get(2)] = Int(try row.get(3, as: Int32.self))
            }
        }
        guard let cursor else { throw EventStoreError.broken(reason: "the identity database does not say where its feed stands") }
        return (cursor, revocations)
    }
}

extension Statement {
    fileprivate static let endings = Statement("revocations", sql(""))

    fileprivate static let endingsSince = Statement("revocations_since", sql("AND ended_in >= $3::xid8"))

    /// One statement, so that rows and cursor come from one snapshot. A row that it does not see has a transaction that is not below its xmin.
    private static func sql(_ since: String) -> String {
        """
        SELECT
            (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text || '.' || pg_snapshot_xmin(pg_current_snapshot())::text,
            NULL::uuid, NULL::uuid, NULL::int, NULL::text
        UNION ALL
        SELECT NULL, id, NULL, NULL, NULL FROM identity.sessions WHERE revoked_at > $1 \(since)
        UNION ALL
        SELECT NULL, NULL, user_id, tokens_version, NULL FROM identity.accounts WHERE tokens_from > $2 \(since)
        UNION ALL
        SELECT NULL, NULL, NULL, NULL, kid FROM identity.signing_keys WHERE revoked_at IS NOT NULL
        """
    }
}

import EventSourcing
import FoundationEssentials
import Postgres

/// The passwords, one per user. A `pending` password belongs to a registration that the log has not confirmed, and can't be used to sign in.
struct Credentials: Sendable {
    /// A registration that is not finished.
    struct Pending: Sendable, Equatable {
        let user: UUID
        let createdAt: Timestamp
    }

    /// A password as it is stored.
    struct Password: Sendable {
        let hash: PasswordHash
        /// The number of times that the user's password was changed before.
        let generation: Int32
    }

    let identity: ConnectionPool

    /// The password of an active account; nil if it has none or is not active.
    func password(of user: UUID) async throws -> Password? {
        try await identity.query(.passwordOfUser, [.uuid(user)]).first.map { Password(hash: PasswordHash(try $0.get(0)), generation: try $0.get(1)) }
    }

    func insertPending(_ hash: PasswordHash, for user: UUID, at time: Timestamp) async throws {
        try await identity.query(.insertPendingCredentials, [.uuid(user), .text(hash.text), .timestamp(time.milliseconds)])
    }

    func deletePending(of user: UUID) async throws {
        try await identity.query(.deletePendingCredentials, [.uuid(user)])
    }

    /// Activates a pending password. Does nothing if none is pending.
    func activate(_ user: UUID) async throws { try await identity.query(.activateCredentials, [.uuid(user)]) }

    /// Unfinished registrations, the oldest first.
    func pending(limit: Int = 1000) async throws -> [Pending] {
        try await identity.query(.pendingCredentials, [.int4(Int32(limit))]).map {
            Pending(user: try $0.get(0), createdAt: Timestamp(milliseconds: try $0.milliseconds(1)))
        }
    }

    /// Replaces a hash by a new one of the same password, unless the password was changed meanwhile.
    func replace(_ old: PasswordHash, by new: PasswordHash, for user: UUID, at time: Timestamp) async throws {
        try await identity.query(.rehashCredentials, [.uuid(user), .text(old.text), .text(new.text), .timestamp(time.milliseconds)])
    }

    /// Sets another password and ends all of the user's sessions, in one transaction. False if there is no account or it is closed: no password may
    /// be left after a closure, even if both come at the same time.
    func set(_ hash: PasswordHash, for user: UUID, at time: Timestamp) async throws -> Bool {
        let time = SQLValue.timestamp(time.milliseconds)
        let results = try await identity.atomically([
            Query(.setCredentials, [.uuid(user), .text(hash.text), time]),
            Query(.revokeSessionsOfUser, [.uuid(user), time]),
        ])
        return results.first?.affectedRows == 1
    }
}

extension Statement {
    static let activateCredentials = Statement(
        "activate_credentials", "UPDATE identity.credentials SET state = 'active' WHERE user_id = $1 AND state = 'pending'")

    static let deleteCredentials = Statement("delete_credentials", "DELETE FROM identity.credentials WHERE user_id = $1")

    fileprivate static let passwordOfUser = Statement(
        "password_of_user",
        """
        SELECT credentials.password_hash, credentials.generation
        FROM identity.credentials AS credentials JOIN identity.accounts AS account USING (user_id)
        WHERE credentials.user_id = $1 AND credentials.state = 'active' AND account.status = 'active'
        """)

    fileprivate static let insertPendingCredentials = Statement(
        "insert_pending_credentials",
        "INSERT INTO identity.credentials (user_id, password_hash, state, created_at, changed_at) VALUES ($1, $2, 'pending', $3, $3)")

    fileprivate static let deletePendingCredentials = Statement(
        "delete_pending_credentials", "DELETE FROM identity.credentials WHERE user_id = $1 AND state = 'pending'")

    fileprivate static let pendingCredentials = Statement(
        "pending_credentials", "SELECT user_id, created_at FROM identity.credentials WHERE state = 'pending' ORDER BY created_at LIMIT $1")

    fileprivate static let rehashCredentials = Statement(
        "rehash_credentials", "UPDATE identity.credentials SET password_hash = $3, changed_at = $4 WHERE user_id = $1 AND password_hash = $2")

    fileprivate static let setCredentials = Statement(
        "set_credentials",
        """
        INSERT INTO identity.credentials AS credentials (user_id, password_hash, state, created_at, changed_at)
        SELECT user_id, $2, 'active', $3, $3 FROM identity.accounts WHERE user_id = $1 AND status <> 'closed' FOR SHARE
        ON CONFLICT (user_id) DO UPDATE
        SET password_hash = excluded.password_hash, generation = credentials.generation + 1, state = 'active', changed_at = excluded.changed_at
        """)
}

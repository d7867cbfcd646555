import EventSourcing
import FoundationEssentials
import Postgres
import Publishing

/// What one event of a user's stream changes here.
enum AccountChange: Sendable, Equatable {
    case registered(emailHash: [UInt8]?, role: String)
    case emailChanged(emailHash: [UInt8]?)
    case roleChanged(role: String)
    case deactivated
    case reactivated
    case closed

    /// Reads an event. Nil when it changes nothing that matters to signing in.
    /// - Parameter currentEmail: the keyed hash of the email that the stream claims at present. The email itself is sealed and stays so; a hash newer than the
    ///   event does no harm, because the event that made it so is still to come and says the same.
    init?(_ event: RecordedEvent, currentEmail: () async throws -> [UInt8]?) async throws {
        guard event.stream.category == UserRules.category else { return nil }
        switch try UserRules.decode(event) {
        case .registered(_, _, let role): self = .registered(emailHash: try await currentEmail(), role: role.rawValue)
        case .profileChanged: return nil
        case .emailChanged: self = .emailChanged(emailHash: try await currentEmail())
        case .roleChanged(let role): self = .roleChanged(role: role.rawValue)
        case .deactivated: self = .deactivated
        case .reactivated: self = .reactivated
        case .closed: self = .closed
        }
    }

    /// The statements that make the change, to be run in one transaction. The account's row comes before credentials and sessions: everyone locks in that order.
    func queries(user: UUID, position: Int64, at time: Timestamp) -> [Query] {
        let values = values(user, position)
        let revocation = Query(.revokeSessionsOfUser, [.uuid(user), .timestamp(time.milliseconds)])
        return switch self {
        case .registered: [Query(.registerAccount, values), Query(.activateCredentials, [.uuid(user)])]
        case .emailChanged: [Query(.changeAccountEmail, values)]
        case .roleChanged: [Query(.changeAccountRole, values)]
        case .deactivated: [Query(.deactivateAccount, values), revocation]
        case .reactivated: [Query(.reactivateAccount, values)]
        case .closed: [Query(.closeAccount, values), Query(.deleteCredentials, [.uuid(user)]), revocation]
        }
    }

    /// What the change's own statement binds: user, position, and what is new.
    func values(_ user: UUID, _ position: Int64) -> [SQLValue] {
        let identity: [SQLValue] = [.uuid(user), .int8(position)]
        return switch self {
        case .registered(let emailHash, let role): identity + [.bytes(optional: emailHash), .text(role)]
        case .emailChanged(let emailHash): identity + [.bytes(optional: emailHash)]
        case .roleChanged(let role): identity + [.text(role)]
        case .deactivated, .reactivated, .closed: identity
        }
    }
}

// Each is guarded by the position, so that an account never goes back. An event may come twice (from the registration and from the log): then it says the same.
extension Statement {
    static let registerAccount = Statement(
        "register_account",
        """
        INSERT INTO identity.accounts AS account (user_id, position, email_hash, role, status) VALUES ($1, $2, $3, $4, 'active')
        ON CONFLICT (user_id) DO UPDATE SET position = excluded.position, email_hash = excluded.email_hash, role = excluded.role, status = excluded.status
        WHERE account.position <= excluded.position
        """)

    fileprivate static let changeAccountEmail = Statement(
        "change_account_email", "UPDATE identity.accounts SET position = $2, email_hash = $3 WHERE user_id = $1 AND position <= $2")

    fileprivate static let changeAccountRole = Statement(
        "change_account_role", "UPDATE identity.accounts SET position = $2, role = $3 WHERE user_id = $1 AND position <= $2")

    fileprivate static let deactivateAccount = Statement(
        "deactivate_account", "UPDATE identity.accounts SET position = $2, status = 'deactivated' WHERE user_id = $1 AND position <= $2")

    fileprivate static let reactivateAccount = Statement(
        "reactivate_account", "UPDATE identity.accounts SET position = $2, status = 'active' WHERE user_id = $1 AND position <= $2")

    fileprivate static let closeAccount = Statement(
        "close_account", "UPDATE identity.accounts SET position = $2, status = 'closed', email_hash = NULL WHERE user_id = $1 AND position <= $2")
}

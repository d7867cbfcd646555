import EventSourcing
import FoundationEssentials
import Postgres
import Publishing

/// The change to an account that one event of a user's stream makes.
enum AccountChange: Sendable, Equatable {
    case registered(role: String)
    case emailChanged
    case roleChanged(role: String)
    case deactivated
    case reactivated
    case closed

    /// Reads an event. Nil when it changes nothing that matters to signing in.
    init?(_ event: RecordedEvent) throws {
        guard event.stream.category == UserRules.category else { return nil }
        switch try UserRules.decode(event) {
        case .registered(_, _, let role): self = .registered(role: role.rawValue)
        case .profileChanged: return nil
        case .emailChanged: self = .emailChanged
        case .roleChanged(let role): self = .roleChanged(role: role.rawValue)
        case .deactivated: self = .deactivated
        case .reactivated: self = .reactivated
        case .closed: self = .closed
        }
    }

    /// Whether the change needs the keyed hash of the account's email.
    var readsEmail: Bool {
        switch self {
        case .registered, .emailChanged: true
        case .roleChanged, .deactivated, .reactivated, .closed: false
        }
    }

    /// Whether it revokes the access tokens that were issued before it.
    var endsTokens: Bool {
        switch self {
        case .roleChanged, .deactivated, .closed: true
        case .registered, .emailChanged, .reactivated: false
        }
    }

    /// The statements that make the change, to be run in one transaction. The account's row comes before credentials and sessions, since every
    /// transaction locks in that order.
    /// - Parameter emailHash: the keyed hash of the email that the account has at present.
    /// - Parameter version: the version of the user's stream after the event. Tokens of lower versions are revoked, and all tokens of a closed
    ///   account.
    func queries(user: UUID, position: Int64, version: Int, emailHash: [UInt8]?, at time: Timestamp) -> [Query] {
        let place: [SQLValue] = [.uuid(user), .int8(position)]
        let cut = [SQLValue.timestamp(time.milliseconds), .int4(self == .closed ? .max : Int32(clamping: version))]
        let revocation = Query(.revokeSessionsOfUser, [.uuid(user), .timestamp(time.milliseconds)])
        return switch self {
        case .registered(let role):
            [Self.registration(of: user, emailHash: emailHash, role: role, position: position), Query(.activateCredentials, [.uuid(user)])]
        case .emailChanged: [Query(.changeAccountEmail, place + [.bytes(optional: emailHash)])]
        case .roleChanged(let role): [Query(.changeAccountRole, place + cut + [.text(role)])]
        case .deactivated: [Query(.deactivateAccount, place + cut), revocation]
        case .reactivated: [Query(.reactivateAccount, place)]
        case .closed: [Query(.closeAccount, place + cut), Query(.deleteCredentials, [.uuid(user)]), revocation]
        }
    }

    /// Inserts the account's row, or updates it to its registration.
    static func registration(of user: UUID, emailHash: [UInt8]?, role: String, position: Int64) -> Query {
        Query(.registerAccount, [.uuid(user), .int8(position), .bytes(optional: emailHash), .text(role)])
    }
}

// The condition on the position keeps an account from going back. An event may come twice, from the registration and from the log, with the same
// content.
extension Statement {
    fileprivate static let registerAccount = Statement(
        "register_account",
        """
        INSERT INTO identity.accounts AS account (user_id, position, email_hash, role, status) VALUES ($1, $2, $3, $4, 'active')
        ON CONFLICT (user_id) DO UPDATE
        SET position = excluded.position, email_hash = excluded.email_hash, role = excluded.role, status = excluded.status
        WHERE account.position <= excluded.position
        """)

    fileprivate static let changeAccountEmail = Statement(
        "change_account_email", "UPDATE identity.accounts SET position = $2, email_hash = $3 WHERE user_id = $1 AND position <= $2")

    fileprivate static let changeAccountRole = Statement(
        "change_account_role",
        "UPDATE identity.accounts SET position = $2, tokens_from = $3, tokens_version = $4, role = $5 WHERE user_id = $1 AND position <= $2")

    fileprivate static let deactivateAccount = Statement(
        "deactivate_account",
        """
        UPDATE identity.accounts SET position = $2, tokens_from = $3, tokens_version = $4, status = 'deactivated'
        WHERE user_id = $1 AND position <= $2
        """
    )

    fileprivate static let reactivateAccount = Statement(
        "reactivate_account", "UPDATE identity.accounts SET position = $2, status = 'active' WHERE user_id = $1 AND position <= $2")

    fileprivate static let closeAccount = Statement(
        "close_account",
        """
        UPDATE identity.accounts SET position = $2, tokens_from = $3, tokens_version = $4, status = 'closed', email_hash = NULL
        WHERE user_id = $1 AND position <= $2
        """
    )
}

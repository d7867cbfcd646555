package import EventSourcing

/// A user's account at one moment.
package enum UserState: Sendable, Hashable {
    case unregistered
    case open(Account)
    /// Closed and to be forgotten; nothing follows.
    case closed

    /// The account while it is open.
    package var account: Account? {
        switch self {
        case .open(let account): account
        case .unregistered, .closed: nil
        }
    }

    /// Whether its user is an admin who may act.
    package var actsAsAdmin: Bool { account.map { $0.role == .admin && $0.status == .active } ?? false }
}

/// An open account.
package struct Account: Sendable, Hashable {
    package enum Status: Sendable, Hashable {
        case active
        /// By an admin: its user can't sign in or act.
        case deactivated
    }

    package var username: Personal<String>
    package var email: Personal<String>
    /// Empty until given, and again when cleared.
    package var displayName: Personal<String> = .known("")
    /// Empty until given, and again when cleared.
    package var bio: Personal<String> = .known("")
    package var role: Role
    package var status: Status = .active
}

extension UserRules {
    package static var initialState: UserState { .unregistered }

    package static func footprint(of state: UserState) -> Int {
        let texts = state.account.map { [$0.username, $0.email, $0.displayName, $0.bio] } ?? []
        return MemoryLayout<UserState>.size + texts.reduce(0) { $0 + $1.byteCount }
    }

    package static func evolve(_ state: inout UserState, with event: UserEvent) {
        switch event {
        case .registered(let username, let email, let role): state = .open(Account(username: username, email: email, role: role))
        case .profileChanged(let username, let displayName, let bio):
            state.changeAccount {
                if let username { $0.username = username }
                if let displayName { $0.displayName = displayName }
                if let bio { $0.bio = bio }
            }
        case .emailChanged(let email): state.changeAccount { $0.email = email }
        case .roleChanged(let role): state.changeAccount { $0.role = role }
        case .deactivated: state.changeAccount { $0.status = .deactivated }
        case .reactivated: state.changeAccount { $0.status = .active }
        case .closed: state = .closed
        }
    }
}

extension UserState {
    fileprivate mutating func changeAccount(_ change: (inout Account) -> Void) {
        guard case .open(var account) = self else { return }
        change(&account)
        self = .open(account)
    }
}

package import EventSourcing
package import FoundationEssentials

/// The rules of an account. Its stream's id is the user's.
package enum UserRules: StreamRules {
    package typealias Command = UserCommand
    package typealias Event = UserEvent
    package typealias State = UserState
    package typealias Refusal = UserRefusal

    package static let category = "user"

    package static func decide(_ command: UserCommand, in state: UserState) throws(UserRefusal) -> [UserEvent] {
        switch (command, state) {
        case (.register(let username, let email, let role), .unregistered):
            return [.registered(username: username.stored, email: email.stored, role: role)]
        case (.register, .open), (.register, .closed): throw .alreadyRegistered

        case (.change(let change), .open(let account)):
            guard account.status == .active else { throw .deactivated }
            return change.events(for: account)
        case (.changeRole(let role), .open(let account)): return account.role == role ? [] : [.roleChanged(role: role)]
        case (.deactivate, .open(let account)): return account.status == .deactivated ? [] : [.deactivated]
        case (.reactivate, .open(let account)): return account.status == .active ? [] : [.reactivated]
        case (.beginClosure, .open): return []
        case (.close, .open): return [.closed]

        case (.beginClosure, .closed), (.close, .closed): return []
        case (.change, .closed), (.changeRole, .closed), (.deactivate, .closed), (.reactivate, .closed): throw .closed
        case (.change, .unregistered), (.changeRole, .unregistered), (.deactivate, .unregistered), (.reactivate, .unregistered),
            (.beginClosure, .unregistered), (.close, .unregistered):
            throw .notFound
        }
    }

    package static func claims(for events: [UserEvent], in state: UserState, on stream: StreamName) -> [ClaimChange] {
        // An account is active once: the value only has to be its own.
        let becomesActive = ClaimChange.take(.active, value: stream.id.lowercased)
        return events.flatMap { event -> [ClaimChange] in
            switch event {
            case .registered(let username, let email, _): take(username: username) + take(email: email) + [becomesActive]
            case .profileChanged(let username, _, _): take(username: username)
            case .emailChanged(let email): take(email: email)
            // An account in closure has released `active` and can't act, so it must not count as an admin.
            case .roleChanged(role: .admin) where state.account?.status == .active: [.requireActive(stream.id)]
            case .roleChanged: []
            case .deactivated: [.release(.active)]
            case .reactivated: [becomesActive]
            case .closed: [.release(.email), .release(.username), .release(.active)]
            }
        }
    }

    package static func subject(of events: [UserEvent], in state: UserState, on stream: StreamName) -> UUID? { stream.id }

    private static func take(username: Personal<String>?) -> [ClaimChange] {
        username?.value.map { [.take(.username, value: $0)] } ?? []
    }

    private static func take(email: Personal<String>) -> [ClaimChange] {
        email.value.map { [.take(.email, value: Email.comparable($0))] } ?? []
    }
}

/// A command on an account. The caller checks who may give one for another's account.
package enum UserCommand: Sendable, Hashable {
    case register(username: Username, email: Email, role: Role)
    case change(UserChange)
    case changeRole(Role)
    case deactivate
    case reactivate
    /// Given with the release of `active` and `ClosureRequested`, before `close`: adds no event to the account, but no command of the user goes
    /// through afterwards.
    case beginClosure
    /// Repeating it changes nothing, so a closure may run again from any step.
    case close
}

/// The parts of an account that its user may change; nil leaves a part as it is, empty text clears it.
package struct UserChange: Sendable, Hashable {
    package var username: Username?
    package var email: Email?
    package var displayName: DisplayName?
    package var bio: Bio?

    package init(username: Username? = nil, email: Email? = nil, displayName: DisplayName? = nil, bio: Bio? = nil) {
        self.username = username
        self.email = email
        self.displayName = displayName
        self.bio = bio
    }

    fileprivate func events(for account: Account) -> [UserEvent] {
        let username = username?.change(of: account.username)
        let displayName = displayName?.change(of: account.displayName)
        let bio = bio?.change(of: account.bio)
        var events: [UserEvent] = []
        if username != nil || displayName != nil || bio != nil {
            events.append(.profileChanged(username: username, displayName: displayName, bio: bio))
        }
        if let email = email?.change(of: account.email) { events.append(.emailChanged(email: email)) }
        return events
    }
}

/// Why the rules refuse a command on an account.
package enum UserRefusal: Error, Hashable {
    /// Nobody has registered under this id.
    case notFound
    case alreadyRegistered
    case deactivated
    case closed
}

extension ClaimKind {
    /// An email address, compared as `Email.comparable`.
    package static let email = ClaimKind(rawValue: "email")
    package static let username = ClaimKind(rawValue: "username")
    /// Held by an account while its user may act. Commands of the user require it, so that nothing slips in after a deactivation or a closure.
    package static let active = ClaimKind(rawValue: "active")
}

extension ClaimChange {
    /// The user's account must be active.
    package static func requireActive(_ user: UUID) -> ClaimChange { .require(.active, holder: StreamName(UserRules.category, user)) }
}

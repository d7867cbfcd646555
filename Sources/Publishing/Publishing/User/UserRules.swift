import EventSourcing

/// The rules of an account. Its stream's id is the user's.
package enum UserRules: Decider {
    package typealias Command = UserCommand
    package typealias Event = UserEvent
    package typealias State = UserState
    package typealias Refusal = UserRefusal

    package static let category = "user"

    package static func decide(_ command: UserCommand, in state: UserState) throws(UserRefusal) -> [UserEvent] {
        switch (command, state) {
        case (.register(let username, let email, let role), .unregistered):
            return [.registered(username: .known(username.text), email: .known(email.text), role: role)]
        case (.register, .open), (.register, .closed): throw .alreadyRegistered

        case (.change(let change), .open(let account)):
            guard account.status == .active else { throw .deactivated }
            return change.events(for: account)
        case (.changeRole(let role), .open(let account)): return account.role == role ? [] : [.roleChanged(role: role)]
        case (.deactivate, .open(let account)): return account.status == .deactivated ? [] : [.deactivated]
        case (.reactivate, .open(let account)): return account.status == .active ? [] : [.reactivated]
        case (.close, .open): return [.closed]

        case (.close, .closed): return []
        case (.change, .closed), (.changeRole, .closed), (.deactivate, .closed), (.reactivate, .closed): throw .closed
        case (.change, .unregistered), (.changeRole, .unregistered), (.deactivate, .unregistered), (.reactivate, .unregistered),
            (.close, .unregistered):
            throw .notFound
        }
    }
}

extension UserChange {
    fileprivate func events(for account: Account) -> [UserEvent] {
        let username = username?.text.asChange(of: account.username)
        let displayName = displayName?.asChange(of: account.displayName)
        let bio = bio?.asChange(of: account.bio)
        var events: [UserEvent] = []
        if username != nil || displayName != nil || bio != nil {
            events.append(.profileChanged(username: username, displayName: displayName, bio: bio))
        }
        if let email = email?.text.asChange(of: account.email) { events.append(.emailChanged(email: email)) }
        return events
    }
}

package import EventSourcing
package import FoundationEssentials

extension ClaimKind {
    /// An email address, compared as `EmailAddress.comparable`.
    package static let email = ClaimKind(rawValue: "email")
    package static let username = ClaimKind(rawValue: "username")
    /// Held by an account while its user may act; commands of the user require it, so that nothing slips in after a deactivation or a closure.
    package static let active = ClaimKind(rawValue: "active")
}

extension ClaimChange {
    /// The user's account must be active.
    package static func requireActive(_ user: UUID) -> ClaimChange { .require(.active, holder: StreamName(UserRules.category, user)) }
}

extension UserRules {
    package static func claims(for events: [UserEvent], in state: UserState, on stream: StreamName) -> [ClaimChange] {
        // An account is active once: the value only has to be its own.
        let becomesActive = ClaimChange.take(.active, value: stream.id.lowercased)
        return events.flatMap { event -> [ClaimChange] in
            switch event {
            case .registered(let username, let email, _): take(username: username) + take(email: email) + [becomesActive]
            case .profileChanged(let username, _, _): take(username: username)
            case .emailChanged(let email): take(email: email)
            // An account that is being closed has given `active` up and never acts again: as an admin it would count, and be nobody.
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
        email.value.flatMap { EmailAddress($0) }.map { [.take(.email, value: $0.comparable)] } ?? []
    }
}

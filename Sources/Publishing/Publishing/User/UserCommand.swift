/// What can be asked of an account. Who may ask for a role or a deactivation is settled before: only admins reach those commands.
package enum UserCommand: Sendable, Hashable {
    case register(username: Username, email: EmailAddress, role: Role)
    case change(UserChange)
    case changeRole(Role)
    case deactivate
    case reactivate
    /// Repeating it changes nothing, so a closure may run again from any step.
    case close
}

/// The parts of an account that its user may change; nil leaves a part as it is, empty text clears it.
package struct UserChange: Sendable, Hashable {
    package var username: Username?
    package var email: EmailAddress?
    package var displayName: String?
    package var bio: String?

    package init(username: Username? = nil, email: EmailAddress? = nil, displayName: String? = nil, bio: String? = nil) {
        self.username = username
        self.email = email
        self.displayName = displayName
        self.bio = bio
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

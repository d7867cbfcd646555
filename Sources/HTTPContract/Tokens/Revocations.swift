package import EventSourcing
package import FoundationEssentials

/// What ends tokens before their time, as the auth service's feed tells it. Entries may be dropped once every token they speak of has expired.
package struct Revocations: Sendable, Equatable {
    /// Sessions that ended: signed out, or a refresh token used twice.
    package var sessions: Set<UUID>
    /// Users whose tokens made before a moment no longer hold: deactivated, or of another role since.
    package var users: [UUID: Timestamp]

    package init(sessions: Set<UUID> = [], users: [UUID: Timestamp] = [:]) {
        self.sessions = sessions
        self.users = users
    }

    /// Whether a token is ended by them.
    package func cover(_ token: AccessToken) -> Bool {
        if let session = token.session, sessions.contains(session) { return true }
        return users[token.subject].map { token.issuedAt < $0 } ?? false
    }
}

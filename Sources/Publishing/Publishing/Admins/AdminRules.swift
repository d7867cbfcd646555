package import EventSourcing
package import FoundationEssentials

/// The active admins: one stream for the whole system. Every admin's command expects the version on which it was decided, so two commands can't both
/// remove the last admin; and a user who stopped being an admin a moment ago is refused, whatever their token says.
package enum AdminRules: StreamRules {
    package typealias Command = AdminCommand
    package typealias Event = AdminEvent
    /// The users who are admins and active.
    package typealias State = Set<UUID>
    package typealias Refusal = AdminRefusal

    package static let category = "admins"

    /// The only stream of its category.
    package static let stream = StreamName(category, UUID(high: 0, low: 0))

    package static var initialState: Set<UUID> { [] }

    package static func decide(_ command: AdminCommand, in admins: Set<UUID>) throws(AdminRefusal) -> [AdminEvent] {
        switch command.authority {
        case .admin(let id): guard admins.contains(id) else { throw .notAdmin }
        case .owner, .server: break
        }
        switch (admins.contains(command.user), command.acts) {
        case (false, true): return [.added(command.user)]
        case (true, false):
            guard admins.count > 1 else { throw .lastAdmin }
            return [.removed(command.user)]
        case (true, true), (false, false): return []
        }
    }

    package static func evolve(_ admins: inout Set<UUID>, with event: AdminEvent) {
        switch event {
        case .added(let user): admins.insert(user)
        case .removed(let user): admins.remove(user)
        }
    }

    package static func footprint(of admins: Set<UUID>) -> Int { MemoryLayout<Set<UUID>>.size + admins.count * MemoryLayout<UUID>.stride * 2 }
}

/// The effect of a command on an account on the circle of admins.
package struct AdminCommand: Sendable, Hashable {
    package let user: UUID
    /// Whether the user is an active admin once the command is done.
    package let acts: Bool
    package let authority: Authority

    package init(user: UUID, acts: Bool, authority: Authority) {
        self.user = user
        self.acts = acts
        self.authority = authority
    }
}

/// By what right somebody commands an account.
package enum Authority: Sendable, Hashable {
    /// An admin, who must be one when the events are appended.
    case admin(UUID)
    /// The account's own user.
    case owner
    /// The operator, on the server.
    case server
}

/// Why the rules refuse a change to the circle of admins.
package enum AdminRefusal: Error, Hashable {
    /// The actor is not an admin, or no longer one.
    case notAdmin
    /// Nobody would be left.
    case lastAdmin
}

package import FoundationEssentials

/// The rights of a user. Stored by its name.
package enum Role: String, Sendable, Hashable, CaseIterable {
    case user
    case admin
}

/// The user or service that gives a command.
package struct Actor: Sendable, Hashable {
    package let id: UUID
    package let role: Role

    package init(id: UUID, role: Role) {
        self.id = id
        self.role = role
    }
}

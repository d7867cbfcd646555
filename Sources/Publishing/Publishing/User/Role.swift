package import FoundationEssentials

/// What a user may do. Stored by its name.
package enum Role: String, Sendable, Hashable, CaseIterable {
    case user
    case admin
}

/// Who gives a command.
package struct Actor: Sendable, Hashable {
    package let id: UUID
    package let role: Role

    package init(id: UUID, role: Role) {
        self.id = id
        self.role = role
    }
}

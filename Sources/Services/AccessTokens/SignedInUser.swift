package import FoundationEssentials

/// The holder of a verified access token.
package struct SignedInUser: Sendable, Equatable {
    /// The rights of a user beyond their own things.
    package enum Role: String, Sendable, CaseIterable {
        case user
        case admin
    }

    package let id: UUID
    package let role: Role
    /// The session that the token belongs to; nil for tokens made on the server.
    package let session: UUID?
    /// Whether the operator made the token on the server. Such calls are not rate-limited.
    package let isOperator: Bool

    package init(id: UUID, role: Role, session: UUID? = nil, isOperator: Bool = false) {
        self.id = id
        self.role = role
        self.session = session
        self.isOperator = isOperator
    }
}

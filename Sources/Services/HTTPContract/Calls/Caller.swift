package import FoundationEssentials

/// Who makes a call, as this service itself verified it.
package enum Caller: Sendable, Equatable {
    case anonymous
    case user(SignedInUser)
    /// Another service, by its name.
    case service(String)
}

/// What a verified access token says of its holder.
package struct SignedInUser: Sendable, Equatable {
    package let id: UUID
    package let role: Role
    /// The session that the token belongs to; nil for tokens made on the server.
    package let session: UUID?
    /// Whether the token was made on the server by its operator: such calls are not rate-limited.
    package let isOperator: Bool

    package init(id: UUID, role: Role, session: UUID? = nil, isOperator: Bool = false) {
        self.id = id
        self.role = role
        self.session = session
        self.isOperator = isOperator
    }
}

/// What a user may do beyond their own things.
package enum Role: String, Sendable, CaseIterable {
    case user
    case admin
}

extension CallContext {
    /// The signed-in user, else 401.
    package func signedIn() throws(Problem) -> SignedInUser {
        switch caller {
        case .user(let user): return user
        case .anonymous, .service: throw .unauthenticated()
        }
    }

    /// The signed-in user when an admin, else 401 or 403.
    package func admin() throws(Problem) -> SignedInUser {
        let user = try signedIn()
        switch user.role {
        case .admin: return user
        case .user: throw .forbidden("Only an admin may do this.")
        }
    }

    /// The calling service's name. Anyone else gets 404: internal routes don't exist for them.
    package func service() throws(Problem) -> String {
        switch caller {
        case .service(let name): return name
        case .anonymous, .user: throw .notFound()
        }
    }

    /// The user behind the call, if any.
    package var user: SignedInUser? {
        switch caller {
        case .user(let user): user
        case .anonymous, .service: nil
        }
    }
}

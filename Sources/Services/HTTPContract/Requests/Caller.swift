package import AccessTokens
package import PublishingAPI

/// The maker of a call, verified by the service that answers it.
package enum Caller: Sendable, Equatable {
    case anonymous
    case user(SignedInUser)
    case service(ServiceName)
}

extension Caller {
    /// Throws unless the caller may call an endpoint with this access. An internal endpoint does not exist for anyone else: 404.
    func require(_ access: Route.Access) throws(Problem) {
        switch (access, self) {
        case (.anyone, _), (.signedIn, .user): return
        case (.signedIn, .anonymous), (.signedIn, .service), (.admin, .anonymous), (.admin, .service): throw .unauthenticated()
        case (.admin, .user(let user)): guard user.role == .admin else { throw .forbidden("Only an admin may do this.") }
        case (.services(let names), .service(let name)): guard names.contains(name) else { throw .notFound() }
        case (.services, .anonymous), (.services, .user): throw .notFound()
        }
    }
}

extension CallContext {
    /// The user behind the call, if any.
    package var user: SignedInUser? {
        switch caller {
        case .user(let user): user
        case .anonymous, .service: nil
        }
    }

    /// The signed-in user, else 401.
    package func signedIn() throws(Problem) -> SignedInUser {
        guard let user else { throw .unauthenticated() }
        return user
    }
}
